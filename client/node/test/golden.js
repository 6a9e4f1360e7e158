// Runs the golden requests: golden.js ADDRESS FILE. One line for each: the digest of its pixels, or its error.
// `golden.js settings` makes a client from the environment instead, and prints "ok" or the error.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client, Picture, ZooError } from 'pixelzoo';

const [address, file] = process.argv.slice(2);

/**
 * The methods by their names, by the client's own.
 * @param {Client} client
 * @returns {Record<string, (model: string, request: any) => Promise<Uint8Array[]>>}
 */
function methodsOf(client) {
  return {
    Sample: async (model, request) => pixels(await client.sample(model, wanted(request))),
    Translate: async (model, { images, ...request }) => {
      return pixels(await client.translate(model, given(images), wanted(request)));
    },
    Score: async (model, { images, ...request }) => scores(await client.score(model, given(images), wanted(request))),
    StreamSample: async (model, { sample, previewInterval }) => {
      const pictures = [];
      for await (const event of client.streamSample(model, { ...wanted(sample), previewInterval })) {
        if (event.kind === 'picture') pictures.push(event.picture);
      }
      return pixels(pictures.sort((a, b) => a.index - b.index));
    },
    // There is no method for it, so the message of the proto goes as it is, with the model in it.
    Decode: async (name, request) => {
      const { images } = await client.call('latent', 'decode', { ...request, model: { name } });
      return pixels(images.map((/** @type {any} */ image) => new Picture(image)));
    },
  };
}

/**
 * A request of the file, which has the names of proto3 JSON, as the client's arguments.
 * @param {any} request
 */
function wanted({ encoding, options, ...request }) {
  const numbers = JSON.parse(JSON.stringify(options ?? {}), (_, value) => (value === 'NaN' ? NaN : value));
  const name = encoding && { encoding: encoding.replace('IMAGE_ENCODING_', '').toLowerCase() };
  return { ...request, ...name, options: numbers };
}

/**
 * @param {any[]} [images]
 * @returns {(Uint8Array | Picture)[]}
 */
function given(images = []) {
  return images.map(({ encoded, raw }) => {
    if (encoded) return Buffer.from(encoded.data, 'base64');
    const [height, width, channels] = raw.shape;
    const image = { height, width, channels, raw: { ...raw, data: Buffer.from(raw.data, 'base64') } };
    return new Picture(/** @type {any} */ (image));
  });
}

/** @param {Picture[]} pictures */
function pixels(pictures) {
  return pictures.map((picture) => picture.pixels());
}

/** @param {import('../lib/client.js').ImageScore[]} scores */
function scores(scores) {
  return scores.map(({ values }) => {
    const ordered = values.sort((a, b) => a.name.localeCompare(b.name, 'en') || (a.entry ?? 0) - (b.entry ?? 0));
    const bytes = Buffer.alloc(4 * ordered.length);
    ordered.forEach(({ value }, index) => bytes.writeFloatLE(value, 4 * index));
    return bytes;
  });
}

/** @param {unknown} error */
function line(error) {
  if (!(error instanceof ZooError)) throw error;
  return [error.code, error.reason, error.message].join(' ');
}

/** @param {Client} client */
async function run(client) {
  const methods = methodsOf(client);
  for (const { name, method, model, request } of JSON.parse(await readFile(file, 'utf8'))) {
    try {
      const digest = createHash('sha256');
      for (const bytes of await methods[method](model, request)) digest.update(bytes);
      console.log(name, digest.digest('hex'));
    } catch (error) {
      const said = line(error);
      const { violations } = /** @type {ZooError} */ (error);
      console.log(name, said, ...violations.map(({ field, description }) => `[${field}: ${description}]`));
    }
  }
}

if (address === 'settings') {
  try {
    Client.fromEnv().close();
    console.log('ok');
  } catch (error) {
    console.log(line(error));
  }
} else {
  const client = new Client(address);
  await run(client);
  client.close();
}
