/** Pictures from the pixelzoo servers behind Envoy, over gRPC-web: in a page as in Node. */
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { CatalogService } from '../generated/pixelzoo/v1/catalog_service_pb.js';
import { LatentService } from '../generated/pixelzoo/v1/latent_service_pb.js';
import { SamplingService } from '../generated/pixelzoo/v1/sampling_service_pb.js';
import { ScoringService } from '../generated/pixelzoo/v1/scoring_service_pb.js';
import { TranslationService } from '../generated/pixelzoo/v1/translation_service_pb.js';
import { client } from './calls.js';
import { unreachable } from './errors.js';

// A program elsewhere sees this package alone, not those that it stands on.
export { create } from '@bufbuild/protobuf';
export { Code, ConnectError } from '@connectrpc/connect';
export { refusal } from './errors.js';
export { labels } from './labels.js';
export { model } from './model.js';

/**
 * A client of each service. Requests that break a rule of the protos are refused before they are sent, and leaving a
 * loop over a stream ends its call.
 * @param {string} [url] Envoy's address
 * @param {object} [options]
 * @param {string} [options.token] for servers that want one
 * @param {number} [options.timeout] the deadline of a call that sets none (`timeoutMs`): milliseconds, 10 minutes by default
 */
export function connect(url = 'http://localhost:8080', { token, timeout = 600_000 } = {}) {
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
