/** Pictures, as files and as pixels, and how they travel. */
import { PNG } from 'pngjs';

/** @typedef {import('../generated/pixelzoo/v1/Image.js').Image__Output} ImageMessage */
/** @typedef {import('../generated/pixelzoo/v1/Image.js').Image} ImageInput */
/** @typedef {import('../generated/pixelzoo/v1/Recipe.js').Recipe__Output} Recipe */
/** @typedef {import('../generated/pixelzoo/v1/TranslationRecipe.js').TranslationRecipe__Output} TranslationRecipe */

/** A picture that came back. */
export class Picture {
  /**
   * @param {ImageMessage} image
   * @param {object} [about]
   * @param {number} [about.index]
   * @param {Recipe | TranslationRecipe | null} [about.recipe]
   */
  constructor(image, { index = 0, recipe = null } = {}) {
    this.width = image.width;
    this.height = image.height;
    /** 1 for grey, 3 for RGB. */
    this.channels = image.channels;
    /** Which item of the request this is. */
    this.index = index;
    /** All that is needed to make it again: model, version, seed, label, every option. */
    this.recipe = recipe;
    this.#image = image;
  }

  /** @type {ImageMessage} */
  #image;

  /** The item's own seed. */
  get seed() {
    return BigInt(this.recipe?.seed ?? 0);
  }

  /** The image file as the server wrote it: PNG unless the call asked for another encoding, and empty for "raw". */
  get file() {
    return this.#image.encoded?.data ?? Buffer.alloc(0);
  }

  /** Whether it has neither a file nor pixels, as no picture of a server. */
  get isEmpty() {
    return !this.#image.raw && !this.file.length;
  }

  /** The pixels, 0 (black) to 255 (white), row by row, the channels of a pixel side by side. Not for JPEG. */
  pixels() {
    return pixels(this.#image);
  }
}

/**
 * The pixels of a message, height x width x channels.
 * @param {ImageMessage} image
 * @returns {Uint8Array}
 */
function pixels({ raw, encoded, channels }) {
  if (raw) return raw.data;
  if (encoded?.mimeType !== 'image/png') {
    throw new TypeError(`no pixels from ${encoded?.mimeType}: ask for the encoding "png" or "raw"`);
  }
  const { data } = PNG.sync.read(encoded.data); // Always RGBA.
  const bare = new Uint8Array((data.length / 4) * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    for (let channel = 0; channel < channels; channel++) bare[to++] = data[from + channel];
  }
  return bare;
}

/**
 * A picture as it is sent: a PNG or JPEG file's bytes, or a Picture that came back.
 * @param {Uint8Array | Picture} picture
 * @returns {ImageInput}
 */
export function toMessage(picture) {
  if (picture instanceof Uint8Array) return { encoded: { data: Buffer.from(picture) } };
  if (picture.file.length) return { encoded: { data: picture.file } };
  const { height, width, channels } = picture;
  const data = Buffer.from(picture.pixels());
  return { raw: { data, shape: [height, width, channels], dataType: 'DATA_TYPE_UINT8' } };
}
