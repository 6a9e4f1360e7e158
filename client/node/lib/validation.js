/**
 * Requests are held against the protos before they are sent. protobuf.js by itself would leave out a field that it
 * does not know, and make 0 of the label "Sneaker".
 */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { invalidField } from './errors.js';
import { PROTOS, SERVICES } from './protos.js';

const root = new protobuf.Root();
root.resolvePath = (/** @type {string} */ _, /** @type {string} */ file) => join(PROTOS, file);
root.loadSync(SERVICES).resolveAll();

/** The least and the greatest of each type of integers. @type {Record<string, [bigint, bigint]>} */
const RANGES = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/**
 * The request as protobuf.js is to have it: whole numbers of 64 bits are decimal strings.
 * @param {string} service such as "sampling"
 * @param {string} method such as "streamSample"
 * @param {unknown} request
 * @throws {import('./errors.js').ZooError} INVALID_FIELD: the proto has no such field, or no such value of it.
 */
export function validated(service, method, request) {
  const { methods } = root.lookupService(`pixelzoo.v1.${capitalized(service)}Service`);
  const type = methods[capitalized(method)].resolvedRequestType;
  return message(/** @type {protobuf.Type} */ (type), request, '');
}

/**
 * @param {protobuf.Type} type
 * @param {unknown} value
 * @param {string} path of the message with a dot behind it; empty for the request itself
 */
function message(type, value, path) {
  if (!isPlain(value)) {
    throw invalidField(path.slice(0, -1) || 'request', `must be an object of the fields of ${type.name}`, value);
  }
  /** @type {Record<string, unknown>} */
  const checked = {};
  for (const [name, given] of Object.entries(value)) {
    if (type.oneofsArray.some((oneof) => oneof.name === name)) continue;
    if (!Object.hasOwn(type.fields, name)) {
      const known = Object.keys(type.fields).join(', ');
      throw invalidField(path + name, `is no field of ${type.name}, which has ${known}`, given);
    }
    if (given === undefined || given === null) continue;
    const field = type.fields[name];
    const place = path + snakeCase(name);
    checked[name] = field.repeated ? list(field, given, place) : single(field, given, place);
  }
  for (const oneof of type.oneofsArray) alternatives(oneof, value[oneof.name], checked, path);
  return checked;
}

/**
 * Of the members of a oneof one may be given. Messages that came back name it, under the oneof's own name.
 * @param {protobuf.OneOf} oneof
 * @param {unknown} named
 * @param {Record<string, unknown>} checked
 * @param {string} path
 */
function alternatives({ name, oneof: members }, named, checked, path) {
  const given = members.filter((member) => member in checked);
  if (given.length > 1) {
    throw invalidField(path + snakeCase(given[1]), `cannot be given beside ${given[0]}`, checked[given[1]]);
  }
  if (named !== undefined && named !== null && named !== given[0]) {
    throw invalidField(path + name, `must name the member that is given, one of ${members.join(', ')}`, named);
  }
}

/**
 * @param {protobuf.Field} field
 * @param {unknown} value
 * @param {string} path
 */
function list(field, value, path) {
  if (!Array.isArray(value)) throw invalidField(path, 'must be an array', value);
  return Array.from(value, (item, index) => single(field, item, `${path}[${index}]`));
}

/**
 * @param {protobuf.Field} field
 * @param {unknown} value
 * @param {string} path
 */
function single({ type, resolvedType }, value, path) {
  if (resolvedType instanceof protobuf.Type) return message(resolvedType, value, `${path}.`);
  if (resolvedType instanceof protobuf.Enum) return enumerated(resolvedType, value, path);
  if (type in RANGES) return integer(type, value, path);
  const [rule, holds] = RULES[type];
  if (!holds(value)) throw invalidField(path, rule, value);
  return value;
}

/** @type {Record<string, [string, (value: any) => boolean]>} */
const RULES = {
  bool: ['must be true or false', (value) => typeof value === 'boolean'],
  string: ['must be a string', (value) => typeof value === 'string'],
  double: ['must be a finite number', Number.isFinite],
  float: ['must be a finite number of 32 bits', (value) => Number.isFinite(value) && isFinite(Math.fround(value))],
  bytes: ['must be a Uint8Array, or a string of base64', (value) => value instanceof Uint8Array || isBase64(value)],
};

/**
 * @param {protobuf.Enum} type
 * @param {unknown} value
 * @param {string} path
 */
function enumerated({ values, valuesById }, value, path) {
  const known =
    typeof value === 'number' ? value in valuesById : typeof value === 'string' && Object.hasOwn(values, value);
  if (!known) throw invalidField(path, `must be one of ${Object.keys(values).join(', ')}`, value);
  return value;
}

/**
 * @param {string} type
 * @param {unknown} value
 * @param {string} path
 */
function integer(type, value, path) {
  const [least, greatest] = RANGES[type];
  const isWhole =
    Number.isSafeInteger(value) || typeof value === 'bigint' || (typeof value === 'string' && /^-?\d+$/.test(value));
  const exact = isWhole ? BigInt(/** @type {any} */ (value)) : least - 1n;
  if (exact < least || exact > greatest) {
    const exactly = greatest > Number.MAX_SAFE_INTEGER ? '; above 2^53 - 1 as a bigint or a decimal string' : '';
    throw invalidField(path, `must be a whole number from ${least} to ${greatest}${exactly}`, value);
  }
  return type.endsWith('64') ? exact.toString() : Number(exact);
}

/**
 * Whether it is an object like {}, and no Map, array or instance of a class, whose content is not in its fields.
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @param {unknown} value */
function isBase64(value) {
  return typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

/** @param {string} name */
function capitalized(name) {
  return name[0].toUpperCase() + name.slice(1);
}

/**
 * Fields are named in errors as the server names them.
 * @param {string} name
 */
function snakeCase(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
