/** Arguments become messages. */
import { invalidField } from './errors.js';
import { Picture, toMessage } from './picture.js';

/** @typedef {import('../generated/pixelzoo/v1/SampleOptions.js').SampleOptions} SampleOptions */
/** @typedef {import('../generated/pixelzoo/v1/TranslateOptions.js').TranslateOptions} TranslateOptions */
/** @typedef {import('../generated/pixelzoo/v1/ScoreOptions.js').ScoreOptions} ScoreOptions */
/** @typedef {'png' | 'jpeg' | 'raw'} Encoding */
/** @typedef {Uint8Array | import('./picture.js').Picture} Given A picture to send: a PNG or JPEG file, or a Picture. */

/**
 * What every request may say.
 * @typedef {object} Common
 * @property {number | bigint | string} [seed] of the first picture, 0 to 2^63 - 1, above 2^53 - 1 as a bigint or a
 *   decimal string; picture i has seed + i.
 * @property {number | number[]} [labels] class of the pictures: one for all, or one for each; -1 for no class.
 * @property {boolean} [reproducible] the same bytes whatever else the server does, at the price of a full batch.
 */
/** @typedef {Common & { count?: number, encoding?: Encoding, options?: SampleOptions }} SampleArguments */
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
 * @returns {import('../generated/pixelzoo/v1/SampleRequest.js').SampleRequest}
 */
export function sample(model, { encoding, ...wanted }) {
  return { ...shared(model, wanted), encoding: encoded(encoding) };
}

/**
 * @param {string} model
 * @param {Given | Given[]} pictures
 * @param {TranslateArguments} wanted
 * @returns {import('../generated/pixelzoo/v1/TranslateRequest.js').TranslateRequest}
 */
export function translate(model, pictures, { encoding, ...wanted }) {
  return { ...shared(model, wanted), images: images(pictures), encoding: encoded(encoding) };
}

/**
 * @param {string} model
 * @param {Given | Given[]} pictures
 * @param {ScoreArguments} wanted
 * @returns {import('../generated/pixelzoo/v1/ScoreRequest.js').ScoreRequest}
 */
export function score(model, pictures, wanted) {
  return { ...shared(model, wanted), images: images(pictures) };
}

/**
 * Whatever else is wanted stays in, for the check against the protos to see it.
 * @template {Common} Wanted
 * @param {string} model
 * @param {Wanted} wanted
 */
function shared(model, { seed, labels = [], ...wanted }) {
  for (const field of ['model', 'images']) {
    const given = /** @type {any} */ (wanted)[field];
    if (given !== undefined) throw invalidField(field, 'must be an argument of its own', given);
  }
  // A seed that is no decimal number yet becomes one, or is refused, by the check.
  const whole = /** @type {string | undefined} */ (seed);
  return { ...wanted, model: selector(model), seed: whole, labels: Array.isArray(labels) ? labels : [labels] };
}

/** @param {Encoding} [encoding] */
function encoded(encoding = 'png') {
  if (!Object.hasOwn(ENCODINGS, encoding)) {
    throw invalidField('encoding', `must be one of ${Object.keys(ENCODINGS).join(', ')}`, encoding);
  }
  return ENCODINGS[encoding];
}

/**
 * A model by "name", "name@3" (a version) or "name@stable" (a version's label).
 * @param {string} model
 */
function selector(model) {
  if (typeof model !== 'string') throw invalidField('model', 'must be a string, such as "name" or "name@3"', model);
  const [, name, version] = /** @type {string[]} */ (/^([^@]*)@?(.*)$/s.exec(model));
  if (!version) return { name };
  return /^\d+$/.test(version) ? { name, version } : { name, versionLabel: version };
}

/** @param {Given | Given[]} pictures */
function images(pictures) {
  return (Array.isArray(pictures) ? pictures : [pictures]).map((picture, index) => {
    if (picture instanceof Uint8Array || picture instanceof Picture) return toMessage(picture);
    throw invalidField(`images[${index}]`, 'must be a Picture, or the bytes of a PNG or JPEG file', picture);
  });
}
