/** How the client connects: where to, message sizes, keepalive, retries, and who may see the token. */
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { invalidSetting, ZooError } from './errors.js';
import { PROTOS, SERVICES } from './protos.js';
import { checkedTls, checkedToken, credentials } from './security.js';
import { checkedTarget, isLoopback } from './target.js';

export const DEFAULT_TARGET = 'localhost:50051';

const MiB = 1 << 20;

// Only UNAVAILABLE is repeated: it says that the server did not take the call on. gRPC varies each wait, so that
// clients do not come back all at once. A server that goes away fails every call in flight at once, and repetitions end
// when half of the tokens are gone, so there must be far more of them than calls. Each success gives one back.
const SERVICE_CONFIG = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.2s',
        maxBackoff: '2s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
  retryThrottling: { maxTokens: 1000, tokenRatio: 1 },
};

const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': 260 * MiB, // gRPC's own 4 MiB is one raw 1024 x 1024 RGB image and a bit.
  'grpc.max_send_message_length': 64 * MiB,
  'grpc.keepalive_time_ms': 60_000, // Servers cut off clients that ping more often than they allow.
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_reconnect_backoff_ms': 5_000, // A server that is back is found soon; gRPC's own is 2 minutes.
  'grpc.service_config': JSON.stringify(SERVICE_CONFIG),
};

const definition = loadSync(SERVICES, {
  includeDirs: [PROTOS],
  defaults: true,
  enums: String,
  longs: String, // Seeds go up to 2^63 - 1, further than numbers are exact.
  oneofs: true,
});
const { v1 } = /** @type {any} */ (grpc.loadPackageDefinition(definition)).pixelzoo;

/**
 * @typedef {object} ConnectionOptions
 * @property {boolean | import('./security.js').Tls} [tls] true trusts whom Node trusts.
 * @property {string} [token] goes with every call; over TLS, or to this machine, only.
 */

/**
 * The stubs of all services on one channel, and the metadata that carries the token.
 * @param {string} target
 * @param {ConnectionOptions} options
 */
export function connect(target, { tls, token: given }) {
  checkedTarget(target);
  const token = checkedToken(given);
  const encryption = checkedTls(tls);
  const loopback = isLoopback(target);
  if (token && !encryption && !loopback) {
    throw new ZooError(`the token would go to ${target} unencrypted: use TLS, such as by PIXELZOO_TLS_CA`, {
      code: 'UNAUTHENTICATED',
      reason: 'INSECURE_TOKEN',
    });
  }
  const secrets = encryption ? credentials(encryption) : grpc.credentials.createInsecure();
  /** @type {import('@grpc/grpc-js').ChannelOptions} */
  const options = { ...CHANNEL_OPTIONS };
  // What goes to this machine, such as a token in the clear, must not leave it for a proxy.
  if (loopback) options['grpc.enable_http_proxy'] = 0;
  if (encryption?.serverName) options['grpc.ssl_target_name_override'] = encryption.serverName;
  const channel = open(target, secrets, options);
  /** @param {string} service */
  const stub = (service) => new v1[service](target, secrets, { channelOverride: channel });
  const metadata = new grpc.Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  return {
    catalog: stub('CatalogService'),
    sampling: stub('SamplingService'),
    translation: stub('TranslationService'),
    scoring: stub('ScoringService'),
    latent: stub('LatentService'),
    metadata,
    close: () => channel.close(),
  };
}

/**
 * @param {string} target
 * @param {import('@grpc/grpc-js').ChannelCredentials} secrets
 * @param {import('@grpc/grpc-js').ChannelOptions} options
 */
function open(target, secrets, options) {
  try {
    return new grpc.Channel(target, secrets, options);
  } catch (error) {
    throw invalidSetting('target', `${target}: ${/** @type {Error} */ (error).message}: give "host:port"`, error);
  }
}
