/** Pictures from the pixelzoo servers behind Envoy, over gRPC-web: in a page as in Node. */
import { fromBinary } from '@bufbuild/protobuf';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../generated/error_details_pb.js';
import { CatalogService } from '../generated/pixelzoo/v1/catalog_service_pb.js';
import { LatentService } from '../generated/pixelzoo/v1/latent_service_pb.js';
import { SamplingService } from '../generated/pixelzoo/v1/sampling_service_pb.js';
import { ScoringService } from '../generated/pixelzoo/v1/scoring_service_pb.js';
import { TranslationService } from '../generated/pixelzoo/v1/translation_service_pb.js';

/**
 * A client of each service.
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
  const transport = createGrpcWebTransport({
    baseUrl: url,
    defaultTimeoutMs: timeout,
    interceptors: token ? [authorize] : [],
  });
  return {
    catalog: createClient(CatalogService, transport),
    latent: createClient(LatentService, transport),
    sampling: createClient(SamplingService, transport),
    scoring: createClient(ScoringService, transport),
    translation: createClient(TranslationService, transport),
  };
}

/**
 * What the server says of a call that failed; of anything else that was thrown, the message alone. `reason` is a name from
 * the catalogue in error.proto, `violations` has the fields that break a rule, and `retryAfter` the milliseconds after
 * which the same call may succeed: undefined if repeating it is of no use.
 * @param {unknown} thrown
 */
export function refusal(thrown) {
  const error = ConnectError.from(thrown);
  const info = detail(error, ErrorInfoSchema);
  const delay = detail(error, RetryInfoSchema)?.retryDelay;
  return {
    code: error.code,
    reason: info?.reason,
    message: error.rawMessage,
    metadata: info?.metadata ?? {},
    violations: detail(error, BadRequestSchema)?.fieldViolations ?? [],
    retryAfter: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}

// Not error.findDetails: these are the messages of google.rpc under a package of our own.
function detail(error, schema) {
  const found = error.details.find(({ type }) => type === `google.rpc.${schema.name}`);
  return found && fromBinary(schema, found.value);
}
