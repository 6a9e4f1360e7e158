/** Arguments become messages. */
import { invalidField, mustBe } from './errors.js';
import { Picture, toMessage } from './picture.js';
import { isPlain } from './validation.js';

/** @typedef {import('../generated/pixelzoo/v1/SampleOptions.js').SampleOptions} SampleOptions */
/** @typedef {import('../generated/pixelzoo/v1/TranslateOptions.js').TranslateOptions} TranslateOptions */
/** @typedef {import('../generated/pixelzoo/v1/ScoreOptions.js').ScoreOptions} ScoreOptions */
/** @typedef {'png' | 'jpeg' | 'raw'} Encoding */
/** @typedef {Uint8Array | import('./picture.js').Picture} Given A picture to send: a PNG or JPEG file, or a Picture. */

/** @typedef {number | string} Label A class by its number, or by its name in the model's card, in any case. */

/**
 * What every request may say.
 * @typedef {object} Common
 * @property {number | bigint | string} [seed] of the first picture, 0 to 2^63 - 1, above 2^53 - 1 as a bigint or a
 *   decimal string; picture i has seed + i.
 * @property {Label | Label[]} [labels] class of the pictures: one for all, or one for each; -1 for no class.
 * @property {boolean} [reproducible] the same bytes whatever else the server does, at the price of a full batch.
 */
/** @typedef {Common & { count?: number | string, encoding?: Encoding, options?: SampleOptions }} SampleArguments */
/** @typedef {Common & { encoding?: Encoding, options?: TranslateOptions }} TranslateArguments */
/** @typedef {Common & { options?: ScoreOptions }} ScoreArguments */

/** @type {Record<string, 'IMAGE_ENCODING_PNG' | 'IMAGE_ENCODING_JPEG' | 'IMAGE_ENCODING_RAW'>} */
const ENCODINGS = {
  png: 'IMAGE_ENCODING_PNG',
  jpeg: 'IMAGE_ENCODING_JPEG',
  raw: 'IMAGE_ENCODING_RAW',
};

/**
 * @param {string} model
 * @param {SampleArguments} wanted
 * @param {string} [path] of the message in the request, with a dot behind it
 * @returns {import('../generated/pixelzoo/v1/SampleRequest.js').SampleRequest}
 */
export function sample(model, { encoding, ...wanted }, path = '') {
  return { ...shared(model, wanted, path), encoding: encoded(encoding, path) };
}

/**
 * @param {string} model
 * @param {Given | Given[]} pictures
 * @param {TranslateArguments} wanted
 * @param {string} [path]
 * @returns {import('../generated/pixelzoo/v1/TranslateRequest.js').TranslateRequest}
 */
export function translate(model, pictures, { encoding, ...wanted }, path = '') {
  const request = shared(model, wanted, path);
  return { ...request, images: images(pictures, path), encoding: encoded(encoding, path) };
}

/**
 * @param {string} model
 * @param {Given | Given[]} pictures
 * @param {ScoreArguments} wanted
 * @returns {import('../generated/pixelzoo/v1/ScoreRequest.js').ScoreRequest}
 */
export function score(model, pictures, wanted) {
  return { ...shared(model, wanted, ''), images: images(pictures, '') };
}

/**
 * What is wanted, if it is an object: the entries of a Map, or of a string, would be lost.
 * @template {object} Wanted
 * @param {Wanted | null | undefined} wanted
 * @returns {Wanted | {}}
 */
export function plain(wanted) {
  if (wanted === undefined || wanted === null) return {};
  if (!isPlain(wanted)) throw mustBe('request', 'an object, such as { seed: 7 }', wanted);
  return wanted;
}

/**
 * The labels in a list.
 * @param {Label | Label[] | null} [labels]
 * @returns {Label[]}
 */
export function listed(labels) {
  if (labels === undefined || labels === null) return [];
  return Array.isArray(labels) ? labels : [labels];
}

/**
 * Whatever else is wanted stays in, for the check against the protos to see it.
 * @template {Common} Wanted
 * @param {string} model
 * @param {Wanted} wanted
 * @param {string} path
 */
function shared(model, { seed, labels, ...wanted }, path) {
  for (const field of ['model', 'images']) {
    if (/** @type {any} */ (wanted)[field] === undefined) continue;
    throw invalidField(path + field, 'is an argument of its own: leave it out of the object');
  }
  const message = { ...wanted, model: selector(model, path), seed, labels: listed(labels) };
  // The check makes whole numbers of decimal strings, and refuses what is none.
  return /** @type {Omit<Wanted, 'seed' | 'labels'> & { seed?: string, labels: number[], count?: number }} */ (message);
}

/**
 * @param {Encoding | null | undefined} encoding
 * @param {string} path
 */
function encoded(encoding, path) {
  const name = encoding ?? 'png';
  if (typeof name !== 'string' || !Object.hasOwn(ENCODINGS, name)) {
    throw mustBe(`${path}encoding`, `one of ${Object.keys(ENCODINGS).join(', ')}`, encoding);
  }
  return ENCODINGS[name];
}

/**
 * A model by "name", "name@3" (a version) or "name@stable" (a version's label). What cannot be right goes too: the
 * server says what is wrong with it.
 * @param {string} model
 * @param {string} [path]
 */
export function selector(model, path = '') {
  if (typeof model !== 'string') throw mustBe(`${path}model`, 'a string, such as "name" or "name@3"', model);
  const at = model.indexOf('@');
  if (at < 0) return { name: model };
  const [name, version] = [model.slice(0, at), model.slice(at + 1)];
  const isVersion = /^\d+$/.test(version) && BigInt(version) < 2n ** 64n;
  return isVersion ? { name, version } : { name, versionLabel: version };
}

/**
 * @param {Given | Given[]} pictures
 * @param {string} path
 */
function images(pictures, path) {
  return Array.from(Array.isArray(pictures) ? pictures : [pictures], (picture, index) => {
    if (picture instanceof Uint8Array || (picture instanceof Picture && !picture.isEmpty)) return toMessage(picture);
    throw mustBe(`${path}images[${index}]`, 'a Picture, or the bytes of a PNG or JPEG file', picture);
  });
}
