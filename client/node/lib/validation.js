/**
 * Requests are held against the protos before they are sent. protobuf.js by itself would leave out a field that it
 * does not know, and make 0 of the label "Sneaker".
 */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { invalidField, mustBe } from './errors.js';
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

/** The methods that answer at once, and those that stream, with the types of their requests. */
const METHODS = { call: methods(false), stream: methods(true) };

/**
 * The request as protobuf.js is to have it: whole numbers of 64 bits are decimal strings.
 * @param {'call' | 'stream'} kind whether the method answers at once
 * @param {string} service such as "sampling"
 * @param {string} method such as "streamSample"
 * @param {unknown} request
 * @throws {import('./errors.js').ZooError} INVALID_FIELD: the proto has no such field, or no such value of it, or there
 *   is no such method.
 */
export function validated(kind, service, method, request) {
  const services = METHODS[kind];
  if (!has(services, service)) throw mustBe('service', `one of ${Object.keys(services).join(', ')}`, service);
  const types = services[service];
  if (!has(types, method)) {
    throw mustBe('method', `one of ${Object.keys(types).join(', ')} for ${kind} of ${service}`, method);
  }
  return message(types[method], request, '');
}

/**
 * @param {boolean} streaming
 * @returns {Record<string, Record<string, protobuf.Type>>} types of requests by service and method
 */
function methods(streaming) {
  /** @type {Record<string, Record<string, protobuf.Type>>} */
  const services = {};
  for (const service of /** @type {protobuf.Namespace} */ (root.lookup('pixelzoo.v1')).nestedArray) {
    if (!(service instanceof protobuf.Service)) continue;
    const fitting = service.methodsArray.filter(({ responseStream = false }) => responseStream === streaming);
    const types = fitting.map(({ name, resolvedRequestType }) => [small(name), resolvedRequestType]);
    if (types.length) services[small(service.name.replace(/Service$/, ''))] = Object.fromEntries(types);
  }
  return services;
}

/**
 * @param {protobuf.Type} type
 * @param {unknown} value
 * @param {string} path of the message with a dot behind it; empty for the request itself
 */
function message(type, value, path) {
  if (!isPlain(value)) throw mustBe(path.slice(0, -1) || 'request', `an object of the fields of ${type.name}`, value);
  /** @type {Record<string, unknown>} */
  const checked = {};
  for (const [name, given] of Object.entries(value)) {
    if (type.oneofsArray.some((oneof) => oneof.name === name)) continue;
    if (!Object.hasOwn(type.fields, name)) {
      const known = Object.keys(type.fields).join(', ');
      throw mustBe(path + name, `one of the fields of ${type.name}: ${known}`, given);
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
  const one = `one of ${members.map(snakeCase).join(', ')}`;
  if (given.length > 1) {
    const field = path.slice(0, -1) || name;
    throw invalidField(field, `must be ${one}, and is ${given.map(snakeCase).join(' and ')}`);
  }
  if (named !== undefined && named !== null && named !== given[0]) {
    throw mustBe(path + name, `the name of the member that is given, ${one}`, named);
  }
}

/**
 * @param {protobuf.Field} field
 * @param {unknown} value
 * @param {string} path
 */
function list(field, value, path) {
  if (!Array.isArray(value)) throw mustBe(path, 'an array', value);
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
  if (!holds(value)) throw mustBe(path, rule, value);
  return value;
}

// NaN and infinities can be carried: the server says what is wrong with them.
/** @type {Record<string, [string, (value: any) => boolean]>} */
const RULES = {
  bool: ['true or false', (value) => typeof value === 'boolean'],
  string: ['a string of whole characters', (value) => typeof value === 'string' && !/\p{Surrogate}/u.test(value)],
  double: ['a number', (value) => typeof value === 'number'],
  float: [
    'a number of 32 bits',
    (value) => typeof value === 'number' && Number.isFinite(Math.fround(value)) === Number.isFinite(value),
  ],
  bytes: ['a Uint8Array, or a string of base64', (value) => value instanceof Uint8Array || isBase64(value)],
};

/**
 * @param {protobuf.Enum} type
 * @param {unknown} value
 * @param {string} path
 */
function enumerated({ values, valuesById }, value, path) {
  const known =
    typeof value === 'number' ? value in valuesById : typeof value === 'string' && Object.hasOwn(values, value);
  if (!known) throw mustBe(path, `one of ${Object.keys(values).join(', ')}`, value);
  return value;
}

/**
 * The server has limits of its own for most fields, and says them for what can be sent.
 * @param {string} type
 * @param {unknown} value
 * @param {string} path
 */
function integer(type, value, path) {
  const [least, greatest] = RANGES[type];
  const isWhole = Number.isInteger(value) || typeof value === 'bigint' || isDecimal(value);
  if (!isWhole) throw mustBe(path, 'a whole number', value);
  const exact = BigInt(/** @type {any} */ (value));
  if (exact < least || exact > greatest) throw mustBe(path, range(path, least, exact, greatest), value);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw mustBe(path, 'a bigint or a decimal string beyond 2^53 - 1', value);
  }
  return type.endsWith('64') ? exact.toString() : Number(exact);
}

const GREATEST_SEED = 2n ** 63n - 1n;

/**
 * @param {string} path
 * @param {bigint} least
 * @param {bigint} exact
 * @param {bigint} greatest
 */
function range(path, least, exact, greatest) {
  if (/(^|\.)seed$/.test(path)) return `${least} to ${GREATEST_SEED}`;
  return exact < least && least === 0n ? 'at least 0' : `${least} to ${greatest}`;
}

/** @param {unknown} value */
function isDecimal(value) {
  return typeof value === 'string' && /^-?\d+$/.test(value);
}

/**
 * Whether it is an object like {}, and no Map, array or instance of a class, whose content is not in its fields.
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @param {unknown} value */
function isBase64(value) {
  return typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

/**
 * Whether the name is a string, and an own property.
 * @param {object} object
 * @param {unknown} name
 */
function has(object, name) {
  return typeof name === 'string' && Object.hasOwn(object, name);
}

/** @param {string} name */
function small(name) {
  return name[0].toLowerCase() + name.slice(1);
}

/**
 * Fields are named in errors as the server names them.
 * @param {string} name
 */
function snakeCase(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
