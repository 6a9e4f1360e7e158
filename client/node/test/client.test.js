// The client against a running server, PIXELZOO_SERVER.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { Client, ZooError } from 'pixelzoo';
import { pending, setting } from './server.js';

const DDPM = 'ddpm_fashion_mnist';
const LONG = { count: 16, options: { diffusion: { steps: 1000 } } };
const client = new Client(setting('PIXELZOO_SERVER'));
after(() => client.close());

test('pictures come back with pixels and a recipe that makes them again', async () => {
  const seed = 2n ** 53n + 1n;
  const options = { diffusion: { sampler: /** @type {const} */ ('SAMPLER_DDIM'), steps: 3 } };
  const pictures = await client.sample(DDPM, { count: 2, seed, labels: 7, options, reproducible: true });
  assert.deepEqual([pictures[0].seed, pictures[1].seed], [seed, seed + 1n]);
  const again = { seed: pictures[1].seed, labels: 7, options: pictures[1].recipe?.options, reproducible: true };
  const [same] = await client.sample(DDPM, /** @type {any} */ ({ ...again, encoding: 'raw' }));
  assert.equal(same.pixels().length, 28 * 28);
  assert.deepEqual(Buffer.from(same.pixels()), Buffer.from(pictures[1].pixels()));
  assert.equal(same.file.length, 0);
});

test('seed 0 is a seed', async () => {
  const [picture] = await client.sample('dcgan_fashion_mnist', { seed: 0 });
  assert.equal(picture.seed, 0n);
});

test('a stream tells of progress and previews, and brings the pictures of the plain call', async () => {
  const wanted = { count: 2, seed: 5, labels: [1, 2], options: { diffusion: { steps: 4 } }, reproducible: true };
  const pictures = [];
  const steps = [];
  let previews = 0;
  for await (const event of client.streamSample(DDPM, { ...wanted, previewInterval: 2 })) {
    if (event.kind === 'progress') steps.push(event.step);
    else if (event.kind === 'preview') previews += 1;
    else pictures[event.picture.index] = event.picture;
  }
  assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
  assert.equal(steps[0], 0);
  assert.equal(previews, 2);
  const plain = await client.sample(DDPM, wanted);
  assert.deepEqual(pictures.map(({ file }) => file), plain.map(({ file }) => file));
});

test('a picture that came back is translated and scored as it is', async () => {
  for (const encoding of /** @type {const} */ (['png', 'raw'])) {
    const made = await client.sample('conditional_gan_fashion_mnist', { count: 2, seed: 1, labels: 7, encoding });
    const boots = await client.translate('cyclegan_fashion_mnist', made, { encoding });
    assert.equal(boots.length, 2);
    const scores = await client.score('pixelcnn_fashion_mnist', boots, { labels: 9 });
    assert.deepEqual(scores.map(({ values }) => values[0].unit), ['bits/dim', 'bits/dim']);
  }
});

test('translation streams too', async () => {
  const made = await client.sample('conditional_gan_fashion_mnist', { seed: 1, labels: 7 });
  const files = [];
  for await (const event of client.streamTranslate('cyclegan_fashion_mnist', made, { seed: 0 })) {
    if (event.kind === 'picture') files.push(event.picture.file);
  }
  const [plain] = await client.translate('cyclegan_fashion_mnist', made, { seed: 0 });
  assert.deepEqual(files, [plain.file]);
});

test('the models say their classes', async () => {
  const models = await client.models();
  assert.equal(models.find(({ name }) => name === DDPM)?.card?.classes[7], 'Sneaker');
});

test('a refused request names the field, the rule and the reason', async () => {
  const asked = client.sample(DDPM, { options: { diffusion: { steps: 100_000 } } });
  await assert.rejects(asked, (error) => {
    assert(error instanceof ZooError);
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.equal(error.reason, 'INVALID_FIELD');
    assert.equal(error.violations[0].field, 'options.diffusion.steps');
    assert.match(error.violations[0].description, /1000/);
    assert.equal(error.retryAfter, undefined);
    return true;
  });
  const unknown = { code: 'NOT_FOUND', reason: 'MODEL_NOT_FOUND', metadata: { model: 'unicorn' } };
  await assert.rejects(client.sample('unicorn'), unknown);
  await assert.rejects(client.sample(`${DDPM}@77`), { reason: 'VERSION_NOT_FOUND' });
  await assert.rejects(client.sample(`${DDPM}@unheard_of`), { reason: 'VERSION_NOT_FOUND' });
  await assert.rejects(client.streamSample('unicorn').next(), { reason: 'MODEL_NOT_FOUND' });
});

test('a deadline ends the call, and the work', async () => {
  await assert.rejects(client.sample(DDPM, LONG, { timeout: 300 }), { code: 'DEADLINE_EXCEEDED' });
  await assert.rejects(async () => {
    for await (const event of client.streamSample(DDPM, LONG, { timeout: 300 })) assert.notEqual(event.kind, 'picture');
  }, { code: 'DEADLINE_EXCEEDED' });
  await pending(0);
});

test('leaving the loop ends the work', async () => {
  for await (const event of client.streamSample(DDPM, LONG)) {
    if (event.kind === 'progress' && event.step > 0) break;
  }
  await pending(0);
});

test('a signal ends the call, and the work', async () => {
  const stop = new AbortController();
  const asked = client.sample(DDPM, LONG, { signal: stop.signal });
  await pending(16);
  stop.abort();
  await assert.rejects(asked, { name: 'AbortError' });
  await pending(0);
  await assert.rejects(client.sample(DDPM, {}, { signal: stop.signal }), { name: 'AbortError' });

  const streaming = new AbortController();
  await assert.rejects(async () => {
    for await (const event of client.streamSample(DDPM, LONG, { signal: streaming.signal })) {
      if (event.kind === 'progress' && event.step > 0) streaming.abort();
    }
  }, { name: 'AbortError' });
  await pending(0);
});

test('no server is an error that names the address', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (holder.address());
  holder.close();
  const nobody = new Client(`127.0.0.1:${port}`);
  const message = new RegExp(`127.0.0.1:${port}`);
  await assert.rejects(nobody.models(), { code: 'UNAVAILABLE', reason: 'SERVER_UNREACHABLE', message });
  nobody.close();
});
