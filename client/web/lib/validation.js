/**
 * Requests are held against the protos before they are sent. Protobuf-ES by itself leaves out a field that it does not
 * know, and takes whatever is not false for true.
 */
import { ScalarType } from '@bufbuild/protobuf';
import { invalidField } from './errors.js';

/** The least and the greatest of each type of integers. */
const RANGES = {
  [ScalarType.INT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.UINT32]: [0n, 2n ** 32n - 1n],
  [ScalarType.INT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.UINT64]: [0n, 2n ** 64n - 1n],
};

// The server's own limit, of which the type knows nothing. What the type can hold goes, for the server to refuse.
const GREATEST_SEED = 2n ** 63n - 1n;

// Numbers that are not finite go: whether they are allowed, the server says for each field.
const RULES = {
  [ScalarType.BOOL]: ['must be true or false', (value) => typeof value === 'boolean'],
  [ScalarType.STRING]: ['must be a string', (value) => typeof value === 'string'],
  [ScalarType.DOUBLE]: ['must be a number', (value) => typeof value === 'number'],
  [ScalarType.FLOAT]: ['must be a number of 32 bits', isFloat],
  [ScalarType.BYTES]: ['must be a Uint8Array', (value) => value instanceof Uint8Array],
};

/**
 * Raises INVALID_FIELD for a field that the message does not have, or a value that is none of its field's.
 * @param {import('@bufbuild/protobuf').DescMessage} desc
 * @param {unknown} request a message, or the object that makes one
 */
export function validate(desc, request) {
  if (request !== undefined) message(desc, request, '');
}

// `path` is that of the message with a dot behind it; empty for the request itself.
function message(desc, value, path, { within = false } = {}) {
  const place = path.slice(0, -1) || 'request';
  if (!isPlain(value)) throw invalidField(place, `must be an object of the fields of ${desc.name}`, value);
  const made = value.$typeName !== undefined;
  if (made ? value.$typeName !== desc.typeName : within) {
    throw invalidField(place, `must be a message of ${desc.typeName}, made by create()`, value);
  }
  for (const [name, given] of Object.entries(value)) {
    if (name === '$typeName' || name === '$unknown') continue;
    const member = desc.members.find(({ localName }) => localName === name);
    if (!member) throw unknown(desc, name, given, path);
    if (given === undefined || given === null) continue;
    if (member.kind === 'oneof') alternatives(member, given, path, made);
    else field(member, given, path, made);
  }
}

function unknown(desc, name, given, path) {
  const oneof = desc.oneofs.find(({ fields }) => fields.some(({ localName }) => localName === name));
  const remedy = oneof
    ? `must be given as ${oneof.localName}: { case: '${name}', value: ... }`
    : `must be one of the fields of ${desc.name}: ${desc.members.map(({ localName }) => localName).join(', ')}`;
  return invalidField(path + name, remedy, given);
}

function alternatives({ name, localName, fields }, given, path, within) {
  if (!isPlain(given)) throw invalidField(path + name, `must be an object like { case, value }`, given);
  const { case: chosen, value, ...rest } = given;
  const [stray] = Object.keys(rest);
  if (stray !== undefined) throw invalidField(`${path}${name}.${stray}`, 'must be left out: there are case and value', rest[stray]);
  if (chosen === undefined && value === undefined) return;
  const member = fields.find((field) => field.localName === chosen);
  if (!member) {
    const cases = fields.map((field) => field.localName).join(', ');
    throw invalidField(path + name, `must have as its case one of ${cases}`, chosen);
  }
  field(member, value, path, within);
}

function field(desc, value, path, within) {
  const place = path + desc.name;
  if (desc.fieldKind !== 'list') return single(desc, desc.fieldKind, value, place, within);
  if (!Array.isArray(value)) throw invalidField(place, 'must be an array', value);
  Array.from(value).forEach((item, index) => single(desc, desc.listKind, item, `${place}[${index}]`, within));
}

function single(desc, kind, value, place, within) {
  if (kind === 'message') message(desc.message, value, `${place}.`, { within });
  else if (kind === 'enum') enumerated(desc.enum, value, place);
  else if (desc.scalar in RANGES) integer(desc.scalar, value, place);
  else {
    const [rule, holds] = RULES[desc.scalar];
    if (!holds(value)) throw invalidField(place, rule, value);
  }
}

function enumerated({ name, values, value: known }, value, place) {
  if (typeof value === 'number' && Object.hasOwn(known, value)) return;
  const choices = values.map(({ localName, number }) => `${localName} (${number})`).join(', ');
  throw invalidField(place, `must be a number of ${name}: ${choices}`, value);
}

function integer(scalar, value, place) {
  const [least, greatest] = RANGES[scalar];
  const isLong = greatest > Number.MAX_SAFE_INTEGER;
  const isWhole = Number.isSafeInteger(value) || (isLong && (typeof value === 'bigint' || isDecimal(value)));
  if (isWhole && BigInt(value) >= least && BigInt(value) <= greatest) return;
  const allowed = /(^|\.)seed$/.test(place) ? GREATEST_SEED : greatest;
  const exactly = isLong ? ', above 2^53 - 1 as a bigint' : '';
  throw invalidField(place, `must be a whole number from ${least} to ${allowed}${exactly}`, value);
}

function isDecimal(value) {
  return typeof value === 'string' && /^-?[0-9]+$/.test(value);
}

function isFloat(value) {
  return typeof value === 'number' && !(Number.isFinite(value) && !Number.isFinite(Math.fround(value)));
}

// Whether it is an object like {}, and no Map, array or instance of a class, whose content is not in its fields.
function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
