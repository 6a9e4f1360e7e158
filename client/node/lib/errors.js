/**
 * What can go wrong, as one error class. A server answers every failed call with google.rpc details; `fromService`
 * unpacks them. Programs decide by `reason`, people read `message`.
 */
import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** @typedef {{ field: string, description: string }} FieldViolation A field, by its path, and the rule it breaks. */

// Those of the standard messages (google/rpc/status.proto, error_details.proto) that tell a caller what to do.
const rpc = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message BadRequest {
    repeated FieldViolation field_violations = 1;
    message FieldViolation { string field = 1; string description = 2; }
  }
`).root;

/** A failed call. */
export class ZooError extends Error {
  /**
   * @param {string} message
   * @param {object} details
   * @param {string} details.code
   * @param {string} details.reason
   * @param {Record<string, string>} [details.metadata]
   * @param {FieldViolation[]} [details.violations]
   * @param {number} [details.retryAfter]
   * @param {unknown} [details.cause]
   */
  constructor(message, { code, reason, metadata = {}, violations = [], retryAfter, cause }) {
    super(message, { cause });
    this.name = 'ZooError';
    /** Name of the gRPC status code, such as "INVALID_ARGUMENT". */
    this.code = code;
    /**
     * Name from the server's catalogue (`ErrorReason` in error.proto); SERVER_UNREACHABLE, INSECURE_TOKEN,
     * INVALID_SETTING or CLIENT_CLOSED, which this client gives itself; or the status code's, where no server of
     * pixelzoo answered.
     */
    this.reason = reason;
    /** The parts of the message that vary, by name. */
    this.metadata = metadata;
    /** The fields of the request that break a rule. */
    this.violations = violations;
    /** Milliseconds after which the same call may succeed; undefined if repeating it is of no use. */
    this.retryAfter = retryAfter;
  }
}

/**
 * The error for a request that was not sent, for one of its fields, as the server would have given it.
 * @param {string} field
 * @param {string} description
 */
export function invalidField(field, description) {
  const details = { code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD', metadata: { field } };
  return new ZooError(`${field}: ${description}`, { ...details, violations: [{ field, description }] });
}

/**
 * The same, for a value that a rule does not allow.
 * @param {string} field
 * @param {string} rule
 * @param {unknown} value
 * @param {string} [remedy]
 */
export function mustBe(field, rule, value, remedy) {
  return invalidField(field, `must be ${rule}, and is ${shown(value)}${remedy ? `: ${remedy}` : ''}`);
}

/**
 * The error for an argument of the client, or a variable of the environment, that cannot be.
 * @param {string} setting
 * @param {string} rule
 * @param {unknown} [cause]
 */
export function invalidSetting(setting, rule, cause) {
  const details = { code: 'INVALID_ARGUMENT', reason: 'INVALID_SETTING', metadata: { setting } };
  return new ZooError(`${setting}: ${rule}`, { ...details, cause });
}

/** The error for a call on a client that is closed, or that close() has ended. */
export function clientClosed() {
  const message = 'the client is closed: make a new one, and close it after its last call';
  return new ZooError(message, { code: 'CANCELLED', reason: 'CLIENT_CLOSED' });
}

/**
 * A value in a few words.
 * @param {unknown} value
 */
export function shown(value) {
  return inspect(value, { depth: 0, breakLength: Infinity, maxArrayLength: 3, maxStringLength: 80 });
}

/**
 * The error for a call that failed.
 * @param {import('@grpc/grpc-js').ServiceError} error
 * @param {string} target the address that was called, for the message
 */
export function fromService(error, target) {
  const code = status[error.code] ?? 'UNKNOWN';
  const packed = error.metadata?.get('grpc-status-details-bin')[0];
  const details = packed instanceof Buffer ? unpack(packed) : {};
  if (!details.ErrorInfo) {
    if (code === 'DEADLINE_EXCEEDED') {
      const message = `the call to ${target} took longer than its timeout`;
      return new ZooError(message, { code, reason: code, cause: error });
    }
    if (code !== 'UNAVAILABLE') return new ZooError(error.details, { code, reason: code, cause: error });
    const message =
      `no server answers at ${target}: start one with \`pixelzoo serve\`, or name another with PIXELZOO_TARGET; ` +
      'if one runs there, does it want TLS? PIXELZOO_TLS_CA turns it on, and names whom to trust ' +
      `(${trimmed(error.details)})`;
    return new ZooError(message, { code, reason: 'SERVER_UNREACHABLE', cause: error });
  }
  return new ZooError(error.details, {
    code,
    reason: details.ErrorInfo.reason,
    metadata: details.ErrorInfo.metadata,
    violations: details.BadRequest?.fieldViolations,
    retryAfter: milliseconds(details.RetryInfo?.retryDelay),
    cause: error,
  });
}

/**
 * What gRPC says, on one line, and without a note that says nothing.
 * @param {string} details
 */
function trimmed(details) {
  return details.replace(/[\s.:]*Resolution note:\s*$/, '').replace(/\s+/g, ' ');
}

/**
 * The details of a google.rpc.Status by the names of their types; those that are not known here are left out.
 * @param {Buffer} bytes
 */
function unpack(bytes) {
  /** @type {Record<string, any>} */
  const found = {};
  for (const { typeUrl, value } of plain('Status', bytes).details) {
    const [, name] = typeUrl.split('/google.rpc.');
    if (['ErrorInfo', 'BadRequest', 'RetryInfo'].includes(name)) found[name] = plain(name, value);
  }
  return found;
}

/**
 * @param {string} name
 * @param {Uint8Array} bytes
 */
function plain(name, bytes) {
  const type = rpc.lookupType(`google.rpc.${name}`);
  return type.toObject(type.decode(bytes), { defaults: true, longs: Number });
}

/** @param {{ seconds: number, nanos: number } | undefined} duration */
function milliseconds(duration) {
  return duration && duration.seconds * 1000 + duration.nanos / 1e6;
}
