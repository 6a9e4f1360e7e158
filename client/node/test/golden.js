// Runs the golden requests: golden.js ADDRESS FILE. One line for each: the digest of its pixels, or its error.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client, Picture, ZooError } from 'pixelzoo';

const [address, file] = process.argv.slice(2);
const client = new Client(address);

// A request of the file has the names of proto3 JSON, and so has a message here: it goes as it is.
/** @type {Record<string, (request: any) => Promise<Uint8Array[]>>} */
const methods = {
  Sample: async (request) => generated(await client.call('sampling', 'sample', request)),
  Translate: async (request) => generated(await client.call('translation', 'translate', request)),
  Decode: async (request) => pixels((await client.call('latent', 'decode', request)).images),
  Score: async (request) => scores((await client.call('scoring', 'score', request)).scores),
  StreamSample: async (request) => {
    const images = [];
    for await (const { image } of client.stream('sampling', 'streamSample', request)) if (image) images.push(image);
    return generated({ images: images.sort((a, b) => a.index - b.index) });
  },
};

/** @param {{ images: { image: any }[] }} reply */
function generated({ images }) {
  return pixels(images.map(({ image }) => image));
}

/** @param {any[]} images */
function pixels(images) {
  return images.map((image) => new Picture(image).pixels());
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

for (const { name, method, request } of JSON.parse(await readFile(file, 'utf8'))) {
  try {
    const digest = createHash('sha256');
    for (const bytes of await methods[method](request)) digest.update(bytes);
    console.log(name, digest.digest('hex'));
  } catch (error) {
    if (!(error instanceof ZooError)) throw error;
    console.log([name, error.code, error.reason, ...error.violations.slice(0, 1).map(({ field }) => field)].join(' '));
  }
}
client.close();
