/** Pictures from the pixelzoo servers behind Envoy, over gRPC-web: in a page as in Node. */
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { CatalogService } from '../generated/pixelzoo/v1/catalog_service_pb.js';
import { LatentService } from '../generated/pixelzoo/v1/latent_service_pb.js';
import { SamplingService } from '../generated/pixelzoo/v1/sampling_service_pb.js';
import { ScoringService } from '../generated/pixelzoo/v1/scoring_service_pb.js';
import { TranslationService } from '../generated/pixelzoo/v1/translation_service_pb.js';
import { client } from './calls.js';
import { insecureToken, invalidSetting, unreachable } from './errors.js';

// A program elsewhere sees this package alone, not those that it stands on.
export { create } from '@bufbuild/protobuf';
export { Code, ConnectError } from '@connectrpc/connect';
export { refusal } from './errors.js';
export { labels } from './labels.js';
export { model } from './model.js';

/** Where a token may go in the clear: it does not leave this machine. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * A client of each service. Requests that break a rule of the protos are refused before they are sent, and leaving a
 * loop over a stream ends its call.
 * @param {string} [url] Envoy's address
 * @param {object} [options]
 * @param {string} [options.token] for servers that want one; an empty one is none
 * @param {number} [options.timeout] the deadline of a call that sets none (`timeoutMs`): milliseconds, 10 minutes by default
 * @throws {ConnectError} INVALID_SETTING, or INSECURE_TOKEN for a token that would go to another machine by http
 */
export function connect(url = 'http://localhost:8080', { token, timeout = 600_000, ...others } = {}) {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalidSetting(unknown, 'there is no such setting: there are token and timeout');
  if (!Number.isFinite(timeout) || timeout < 0) throw invalidSetting('timeout', 'must be milliseconds, 0 or more');
  if (token) checkToken(token, url);
  const authorize = (next) => (request) => {
    request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
  const reach = async (resource, init) => {
    try {
      return await globalThis.fetch(resource, init);
    } catch (error) {
      throw init.signal?.aborted ? error : unreachable(url, error);
    }
  };
  const transport = createGrpcWebTransport({
    baseUrl: url,
    fetch: reach,
    defaultTimeoutMs: timeout,
    interceptors: token ? [authorize] : [],
  });
  return {
    catalog: client(CatalogService, transport),
    latent: client(LatentService, transport),
    sampling: client(SamplingService, transport),
    scoring: client(ScoringService, transport),
    translation: client(TranslationService, transport),
  };
}

function checkToken(token, url) {
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) {
    throw invalidSetting('token', "has characters that no token has: give the one that the server's operator gave");
  }
  const { protocol, hostname } = new URL(url, globalThis.location?.href);
  if (protocol !== 'https:' && !LOOPBACK.test(hostname)) throw insecureToken(url);
}
