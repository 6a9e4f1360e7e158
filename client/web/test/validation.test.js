// What Protobuf-ES would drop, round or replace is refused before anything is sent, in the words of the server.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { connect, model, refusal } from 'pixelzoo-web';
import { ImageSchema } from 'pixelzoo-web/generated/pixelzoo/v1/image_pb.js';
import { ModelSelectorSchema } from 'pixelzoo-web/generated/pixelzoo/v1/model_pb.js';
import { Sampler, SampleOptionsSchema } from 'pixelzoo-web/generated/pixelzoo/v1/options_pb.js';
import { SampleRequestSchema } from 'pixelzoo-web/generated/pixelzoo/v1/sampling_service_pb.js';

const zoo = connect('http://nobody.invalid');
const diffusion = (value) => ({ options: { family: { case: 'diffusion', value } } });
const sent = [];

globalThis.fetch = async (_, { body }) => {
  sent.push(Buffer.from(body).subarray(5)); // Behind the frame's head.
  throw new Error('this test calls nobody');
};
beforeEach(() => sent.splice(0));

async function refused(call) {
  const error = await Promise.resolve().then(call).then(assert.fail, (thrown) => thrown);
  assert.ok(error instanceof ConnectError, error);
  assert.deepEqual(sent, []);
  const { code, reason, message, metadata, violations } = refusal(error);
  assert.deepEqual([code, reason], [Code.InvalidArgument, 'INVALID_FIELD']);
  const [{ field, description }] = violations;
  assert.deepEqual([message, metadata, violations.length], [`${field}: ${description}`, { field }, 1]);
  return [field, description];
}

for (const [what, request, field, description] of [
  ['an unknown field', { stepz: 10 }, 'stepz', /^must be one of the fields of SampleRequest: model, count, seed, .*, and is 10$/],
  ['an unknown option', diffusion({ stepz: 10 }), 'options.diffusion.stepz', /^must be one of the fields of DiffusionOptions: .*steps/],
  ['a field as the proto writes it', { request_id: 'x' }, 'request_id', /requestId.*, and is "x"$/],
  ['an option as JSON has it', { options: { diffusion: { steps: 3 } } }, 'options.diffusion',
    /^must be given as family: \{ case: 'diffusion', value: ... \}, and is an object$/],
  ['an unknown case', { options: { family: { case: 'difusion', value: {} } } }, 'options.family',
    /^must have as its case one of diffusion, autoregressive, latentVariable, adversarial, and is "difusion"$/],
  ['a case without a value', { options: { family: { case: 'diffusion' } } }, 'options.diffusion', /^must be an object/],
  ['a value without a case', { options: { family: { value: {} } } }, 'options.family', /^must have as its case/],
  ['more than a case', { options: { family: { case: 'diffusion', value: {}, steps: 3 } } }, 'options.family.steps', /and is 3$/],
  ['no object', { model: 'ddpm_fashion_mnist' }, 'model', /^must be an object of the fields of ModelSelector, and is "ddpm/],
  ['another message', { model: create(SampleOptionsSchema) }, 'model', /^must be a message of pixelzoo.v1.ModelSelector, .* is a pixelzoo.v1.SampleOptions$/],
  ['a map', { options: new Map([['steps', 3]]) }, 'options', /and is a Map$/],
  ['a version as it is elsewhere', { model: { name: 'vae', version: 3n } }, 'model.version', /^must be given as versionChoice: .*is 3$/],
  ['a fraction as a seed', { seed: 1.5 }, 'seed', /^must be a whole number from 0 to 9223372036854775807, above 2\^53 - 1 as a bigint, and is 1.5$/],
  ['a seed that is not exact', { seed: 2 ** 53 }, 'seed', /and is 9007199254740992$/],
  ['a seed of 65 bits', { seed: 2n ** 64n }, 'seed', /and is 18446744073709551616$/],
  ['a negative seed', { seed: -1n }, 'seed', /and is -1$/],
  ['a seed in words', { seed: 'seven' }, 'seed', /and is "seven"$/],
  ['a number as a string', { count: '3' }, 'count', /^must be a whole number from 0 to 4294967295, and is "3"$/],
  ['a fraction of a step', diffusion({ steps: 2.5 }), 'options.diffusion.steps', /^must be a whole number .*, and is 2.5$/],
  ['one label', { labels: 7 }, 'labels', /^must be an array, and is 7$/],
  ['a class by its name', { labels: [1, 'Sneaker'] }, 'labels[1]', /^must be a whole number .*, and is "Sneaker"$/],
  ['a hole', { labels: [, 1] }, 'labels[0]', /and is undefined$/],
  ['a choice by its name', diffusion({ sampler: 'DDIM' }), 'options.diffusion.sampler', /^must be a number of Sampler: .*DDIM \(\d\).*, and is "DDIM"$/],
  ['a choice that there is not', { encoding: 99 }, 'encoding', /^must be a number of ImageEncoding: .*PNG \(\d\).*, and is 99$/],
  ['what is not false', { reproducible: 'no' }, 'reproducible', /^must be true or false, and is "no"$/],
  ['no string', { requestId: 7 }, 'request_id', /^must be a string, and is 7$/],
  ['a float of 64 bits', diffusion({ eta: 1e300 }), 'options.diffusion.eta', /^must be a number of 32 bits, and is 1e\+300$/],
  ['bytes as text', { options: { family: { case: 'autoregressive', value: { image: { payload: { case: 'encoded', value: { data: 'iVBOR' } } } } } } },
    'options.autoregressive.image.encoded.data', /^must be a Uint8Array, and is "iVBOR"$/],
]) {
  test(`it refuses ${what}`, async () => {
    const [found, rule] = await refused(() => zoo.sampling.sample(request));
    assert.equal(found, field);
    assert.match(rule, description);
  });
}

test('it refuses what is wrong within a message, a list and a stream', async () => {
  const made = create(SampleRequestSchema, { count: 2 });
  made.model = { name: 'vae' };
  assert.deepEqual(await refused(() => zoo.sampling.sample(made)), [
    'model',
    'must be a message of pixelzoo.v1.ModelSelector, made by create(), and is an object',
  ]);
  const images = [create(ImageSchema), { payload: { case: 'encoded', value: { bytes: 'x' } } }];
  assert.equal((await refused(() => zoo.scoring.score({ images })))[0], 'images[1].encoded.bytes');
  const read = async () => {
    for await (const _ of zoo.sampling.streamSample({ sample: { seed: 0.5 } }));
  };
  assert.equal((await refused(read))[0], 'sample.seed');
  assert.equal((await refused(() => zoo.sampling.sample('ddpm')))[0], 'request');
});

test('it sends what the protos can say, and what only the server can judge', async () => {
  for (const request of [
    undefined,
    { model: undefined, options: null, labels: [] },
    { seed: 7 },
    { seed: '18446744073709551615' },
    diffusion({ sampler: Sampler.DDIM, guidance: NaN, eta: -Infinity, steps: 0 }),
    { options: { family: { case: undefined } } },
    create(SampleRequestSchema, { model: model('vae@stable'), labels: [-1] }),
  ]) {
    await assert.rejects(zoo.sampling.sample(request), /this test calls nobody/);
  }
  assert.equal(sent.length, 7);
});

test('a model goes by its name, its version or its label', async () => {
  for (const [text, selector] of [
    ['vae', { name: 'vae' }],
    ['vae@3', { name: 'vae', versionChoice: { case: 'version', value: 3n } }],
    ['vae@18446744073709551615', { name: 'vae', versionChoice: { case: 'version', value: 2n ** 64n - 1n } }],
    ['vae@18446744073709551616', { name: 'vae', versionChoice: { case: 'versionLabel', value: '18446744073709551616' } }],
    ['vae@stable', { name: 'vae', versionChoice: { case: 'versionLabel', value: 'stable' } }],
    ['vae@', { name: 'vae', versionChoice: { case: 'versionLabel', value: '' } }],
    ['vae@3@4', { name: 'vae', versionChoice: { case: 'versionLabel', value: '3@4' } }],
    ['vae@٣', { name: 'vae', versionChoice: { case: 'versionLabel', value: '٣' } }],
    ['', { name: '' }],
  ]) {
    assert.deepEqual(model(text), selector);
    create(ModelSelectorSchema, selector);
  }
  assert.deepEqual(await refused(() => model(7)), ['model', 'must be a string, such as "name" or "name@3", and is 7']);
});
