/** What can go wrong: errors are Connect's, with the details of google.rpc that say more. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../generated/error_details_pb.js';

const DOMAIN = 'pixelzoo';
const LONGEST = 80;

/**
 * What the server, or this client, says of a call that failed; of anything else that was thrown, the message alone. `reason`
 * is a name from the catalogue in error.proto, `violations` has the fields that break a rule, and `retryAfter` the
 * milliseconds after which the same call may succeed: undefined if repeating it is of no use.
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

/**
 * The error for a request that was not sent, with the details that the server would give.
 * @param {string} field its path in the request, as the protos name it
 * @param {string} rule what it must be
 * @param {unknown} given what it is instead
 */
export function invalidField(field, rule, given) {
  return brokenRule(field, `${rule}, and is ${shown(given)}`);
}

/**
 * The same, of which the whole description is known.
 * @param {string} field
 * @param {string} description
 */
export function brokenRule(field, description) {
  const reason = 'INVALID_FIELD';
  const error = new ConnectError(`${field}: ${description}`, Code.InvalidArgument);
  error.details.push(
    packed(ErrorInfoSchema, { reason, domain: DOMAIN, metadata: { field } }),
    packed(BadRequestSchema, { fieldViolations: [{ field, description, reason }] }),
  );
  return error;
}

/**
 * The error for a setting that cannot be.
 * @param {string} setting
 * @param {string} rule
 */
export function invalidSetting(setting, rule) {
  const error = new ConnectError(`${setting}: ${rule}`, Code.InvalidArgument);
  error.details.push(packed(ErrorInfoSchema, { reason: 'INVALID_SETTING', domain: DOMAIN, metadata: { setting } }));
  return error;
}

/**
 * The error for a token that strangers could read.
 * @param {string} url
 */
export function insecureToken(url) {
  const error = new ConnectError(`the token would go to ${url} unencrypted: use https`, Code.Unauthenticated);
  error.details.push(packed(ErrorInfoSchema, { reason: 'INSECURE_TOKEN', domain: DOMAIN }));
  return error;
}

/**
 * The error for a call that nobody answered. Browsers do not tell a page whether it was not allowed to call.
 * @param {string} url Envoy's address
 * @param {any} cause what fetch has thrown
 */
export function unreachable(url, cause) {
  const why = cause?.cause?.message || cause?.cause?.code || cause?.message;
  const message =
    `no Envoy answers at ${url}, or it does not let this page call (${why}): start it as docs/web.md says, ` +
    `and name the page's origin under cors in its configuration`;
  const error = new ConnectError(message, Code.Unavailable, undefined, undefined, cause);
  error.details.push(packed(ErrorInfoSchema, { reason: 'SERVER_UNREACHABLE', domain: DOMAIN }));
  return error;
}

// Not error.findDetails: these are the messages of google.rpc under a package of our own.
function detail(error, schema) {
  const found = error.details.find(({ type }) => type === `google.rpc.${schema.name}`);
  return found && fromBinary(schema, found.value);
}

function packed(schema, init) {
  return { type: `google.rpc.${schema.name}`, value: toBinary(schema, create(schema, init)) };
}

function shown(value) {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST));
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object' || value === null) return String(value).slice(0, LONGEST);
  const type = value.$typeName ?? value.constructor?.name ?? 'Object';
  return type === 'Object' ? 'an object' : `a ${type}`;
}
