// Every RPC once: node examples/tour.js. The server is at PIXELZOO_TARGET, or on this machine. The marked parts are the
// examples of docs/api.md; each prints its RPC's name first.

// [Connect]
import { writeFile } from 'node:fs/promises';
import { Client } from 'pixelzoo';

const client = Client.fromEnv(); // the server at PIXELZOO_TARGET, or else localhost:50051
// [/Connect]

// [ListModels]
for (const { name } of await client.models()) console.log('ListModels:', name);
// [/ListModels]

// [GetModel]
const { model } = await client.call('catalog', 'getModel', { model: { name: 'ddpm_fashion_mnist' } });
console.log('GetModel:', model.card.title, model.card.classes.join(', '));
// [/GetModel]

// [Sample]
const [sneaker] = await client.sample('ddpm_fashion_mnist', {
  seed: 9,
  labels: 7, // a sneaker
  options: { diffusion: { sampler: 'SAMPLER_DDIM', steps: 20 } },
});
await writeFile('sneaker.png', sneaker.file);
console.log('Sample:', sneaker.width, sneaker.height, sneaker.seed);
// [/Sample]

// [StreamSample]
const bags = { count: 2, labels: 8, options: { diffusion: { steps: 20 } } };
for await (const event of client.streamSample('ddpm_fashion_mnist', bags)) {
  if (event.kind === 'progress') console.log(`StreamSample: ${event.step} of ${event.steps} steps`);
  if (event.kind === 'picture') await writeFile(`bag-${event.picture.index}.png`, event.picture.file);
}
// [/StreamSample]

// [Translate]
const [boot] = await client.translate('cyclegan_fashion_mnist', sneaker, {
  options: { adversarial: { direction: 'DIRECTION_A_TO_B' } },
});
await writeFile('boot.png', boot.file);
console.log('Translate:', boot.width, boot.height);
// [/Translate]

// [StreamTranslate]
const variation = { labels: 7, options: { diffusion: { strength: 0.5, steps: 20 } } };
for await (const event of client.streamTranslate('ddpm_fashion_mnist', sneaker, variation)) {
  if (event.kind === 'progress') console.log(`StreamTranslate: ${event.step} of ${event.steps} steps`);
  if (event.kind === 'picture') await writeFile('variation.png', event.picture.file);
}
// [/StreamTranslate]

// [Score]
for (const { index, values } of await client.score('vae_fashion_mnist', [sneaker, boot])) {
  for (const { name, value, unit } of values) console.log(`Score: picture ${index}, ${name} ${value} ${unit}`);
}
// [/Score]

// [StreamScore]
const score = {
  model: { name: 'ddpm_fashion_mnist' },
  images: [{ encoded: { data: sneaker.file } }],
  labels: [7],
  options: { diffusion: { timesteps: 8 } },
};
for await (const reply of client.stream('scoring', 'streamScore', { score })) {
  if (reply.event === 'progress') console.log(`StreamScore: ${reply.progress.step} of ${reply.progress.steps} steps`);
  if (reply.event === 'score') console.log('StreamScore:', reply.score.values[0].value, reply.score.values[0].unit);
}
// [/StreamScore]

// [Encode]
const vae = { name: 'vae_fashion_mnist' };
const images = [sneaker, boot].map(({ file }) => ({ encoded: { data: file } }));
const { latents } = await client.call('latent', 'encode', { model: vae, images });
console.log('Encode:', latents[0].shape, latents[0].dataType);
// [/Encode]

// [Decode]
const decoded = await client.call('latent', 'decode', { model: vae, latents });
await writeFile('decoded.png', decoded.images[0].encoded.data);
console.log('Decode:', decoded.images.length);
// [/Decode]

// [Interpolate]
const way = await client.call('latent', 'interpolate', {
  model: vae,
  start: { image: images[0] }, // a picture, or a latent
  end: { latent: latents[1] },
  count: 5,
  method: 'INTERPOLATION_METHOD_SPHERICAL',
});
console.log('Interpolate:', way.images.length);
// [/Interpolate]
client.close();
