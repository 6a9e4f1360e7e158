// Runs the golden requests: golden.js URL FILE. One line for each: the digest of its pixels, or its error.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { create, fromJson, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { PNG } from 'pngjs';
import { connect, model, refusal } from 'pixelzoo-web';
import { DecodeRequestSchema } from 'pixelzoo-web/generated/pixelzoo/v1/latent_service_pb.js';
import { ModelSelectorSchema } from 'pixelzoo-web/generated/pixelzoo/v1/model_pb.js';
import { SampleRequestSchema, StreamSampleRequestSchema } from 'pixelzoo-web/generated/pixelzoo/v1/sampling_service_pb.js';
import { ScoreRequestSchema } from 'pixelzoo-web/generated/pixelzoo/v1/scoring_service_pb.js';
import { TranslateRequestSchema } from 'pixelzoo-web/generated/pixelzoo/v1/translation_service_pb.js';

const [url, file] = process.argv.slice(2);
const zoo = connect(url);

const methods = {
  Sample: async (json) => generated((await zoo.sampling.sample(fromJson(SampleRequestSchema, json))).images),
  Translate: async (json) => generated((await zoo.translation.translate(fromJson(TranslateRequestSchema, json))).images),
  Decode: async (json) => (await zoo.latent.decode(fromJson(DecodeRequestSchema, json))).images.map(pixels),
  Score: async (json) => (await zoo.scoring.score(fromJson(ScoreRequestSchema, json))).scores.map(values),
  StreamSample: async ({ model, ...json }) => {
    const request = fromJson(StreamSampleRequestSchema, { ...json, sample: { ...json.sample, model } });
    const images = [];
    for await (const { event } of zoo.sampling.streamSample(request)) {
      if (event.case === 'image') images.push(event.value);
    }
    return generated(images.sort((a, b) => a.index - b.index));
  },
};

function generated(images) {
  return images.map(({ image }) => pixels(image));
}

function pixels({ payload, channels }) {
  if (payload.case === 'raw') return payload.value.data;
  const rgba = PNG.sync.read(Buffer.from(payload.value.data)).data;
  return rgba.filter((_, index) => index % 4 < channels);
}

function values(score) {
  const ordered = score.values.sort((a, b) => a.name.localeCompare(b.name, 'en') || a.entry - b.entry);
  const bytes = Buffer.alloc(4 * ordered.length);
  ordered.forEach(({ value }, index) => bytes.writeFloatLE(value, 4 * index));
  return bytes;
}

for (const { name, method, model: text, request } of JSON.parse(await readFile(file, 'utf8'))) {
  try {
    const selector = toJson(ModelSelectorSchema, create(ModelSelectorSchema, model(text)));
    const digest = createHash('sha256');
    for (const bytes of await methods[method]({ ...request, model: selector })) digest.update(bytes);
    console.log(name, digest.digest('hex'));
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const { code, reason, message, violations } = refusal(error);
    const status = Code[code].replace(/\B[A-Z]/g, '_$&').toUpperCase();
    console.log([name, status, reason, message, ...violations.map((one) => `[${one.field}: ${one.description}]`)].join(' '));
  }
}
