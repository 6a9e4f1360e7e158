/** Arguments become messages. */
import { toMessage } from './picture.js';

/** @typedef {import('../generated/pixelzoo/v1/SampleOptions.js').SampleOptions} SampleOptions */
/** @typedef {import('../generated/pixelzoo/v1/TranslateOptions.js').TranslateOptions} TranslateOptions */
/** @typedef {import('../generated/pixelzoo/v1/ScoreOptions.js').ScoreOptions} ScoreOptions */
/** @typedef {'png' | 'jpeg' | 'raw'} Encoding */
/** @typedef {Uint8Array | import('./picture.js').Picture} Given A picture to send: a PNG or JPEG file, or a Picture. */

/**
 * What every request may say.
 * @typedef {object} Common
 * @property {number | bigint} [seed] of the first picture, 0 to 2^63 - 1; picture i has seed + i.
 * @property {number | number[]} [labels] class of the pictures: one for all, or one for each; -1 for no class.
 * @property {boolean} [reproducible] the same bytes whatever else the server does, at the price of a full batch.
 */
/** @typedef {Common & { count?: number, encoding?: Encoding, options?: SampleOptions }} SampleArguments */
/** @typedef {Common & { encoding?: Encoding, options?: TranslateOptions }} TranslateArguments */
/** @typedef {Common & { options?: ScoreOptions }} ScoreArguments */

const ENCODINGS = /** @type {const} */ ({
  png: 'IMAGE_ENCODING_PNG',
  jpeg: 'IMAGE_ENCODING_JPEG',
  raw: 'IMAGE_ENCODING_RAW',
});

/**
 * @param {string} model
 * @param {SampleArguments} wanted
 * @returns {import('../generated/pixelzoo/v1/SampleRequest.js').SampleRequest}
 */
export function sample(model, { count, encoding = 'png', options, ...common }) {
  return { ...shared(model, common), count, options, encoding: ENCODINGS[encoding] };
}

/**
 * @param {string} model
 * @param {Given | Given[]} pictures
 * @param {TranslateArguments} wanted
 * @returns {import('../generated/pixelzoo/v1/TranslateRequest.js').TranslateRequest}
 */
export function translate(model, pictures, { encoding = 'png', options, ...common }) {
  return { ...shared(model, common), images: images(pictures), options, encoding: ENCODINGS[encoding] };
}

/**
 * @param {string} model
 * @param {Given | Given[]} pictures
 * @param {ScoreArguments} wanted
 * @returns {import('../generated/pixelzoo/v1/ScoreRequest.js').ScoreRequest}
 */
export function score(model, pictures, { options, ...common }) {
  return { ...shared(model, common), images: images(pictures), options };
}

/**
 * @param {string} model
 * @param {Common} common
 */
function shared(model, { seed, labels = [], reproducible = false }) {
  return { model: selector(model), seed: seed?.toString(), labels: [labels].flat(), reproducible };
}

/**
 * A model by "name", "name@3" (a version) or "name@stable" (a version's label).
 * @param {string} model
 */
function selector(model) {
  const [name, version] = model.split('@');
  if (!version) return { name };
  return /^\d+$/.test(version) ? { name, version } : { name, versionLabel: version };
}

/** @param {Given | Given[]} pictures */
function images(pictures) {
  return (Array.isArray(pictures) ? pictures : [pictures]).map(toMessage);
}
