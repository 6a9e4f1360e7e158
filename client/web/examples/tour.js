// Every RPC once: node examples/tour.js. Envoy is at PIXELZOO_ENVOY, or on this machine. The marked parts are the examples
// of docs/api.md; each prints its RPC's name first. In a page all is the same but for the files.

// [Connect]
import { writeFile } from 'node:fs/promises';
import { connect, model } from 'pixelzoo-web';
import { InterpolationMethod } from 'pixelzoo-web/generated/pixelzoo/v1/latent_service_pb.js';
import { Direction, Sampler } from 'pixelzoo-web/generated/pixelzoo/v1/options_pb.js';

const zoo = connect(process.env.PIXELZOO_ENVOY); // Envoy at this URL, or else at http://localhost:8080
// [/Connect]

// [ListModels]
const { models } = await zoo.catalog.listModels({});
for (const { name } of models) console.log('ListModels:', name);
// [/ListModels]

// [GetModel]
const found = await zoo.catalog.getModel({ model: model('ddpm_fashion_mnist') });
console.log('GetModel:', found.model.card.title, found.model.card.classes.join(', '));
// [/GetModel]

// [Sample]
const sampled = await zoo.sampling.sample({
  model: model('ddpm_fashion_mnist'),
  seed: 9n,
  labels: [7], // a sneaker
  options: { family: { case: 'diffusion', value: { sampler: Sampler.DDIM, steps: 20 } } },
});
const [{ image: sneaker, recipe }] = sampled.images;
await writeFile('sneaker.png', sneaker.payload.value.data);
console.log('Sample:', sneaker.width, sneaker.height, recipe.seed);
// [/Sample]

// [StreamSample]
const bags = {
  model: model('ddpm_fashion_mnist'),
  count: 2,
  labels: [8],
  options: { family: { case: 'diffusion', value: { steps: 20 } } },
};
for await (const { event } of zoo.sampling.streamSample({ sample: bags })) {
  if (event.case === 'progress') console.log(`StreamSample: ${event.value.step} of ${event.value.steps} steps`);
  if (event.case === 'image') await writeFile(`bag-${event.value.index}.png`, event.value.image.payload.value.data);
}
// [/StreamSample]

// [Translate]
const translated = await zoo.translation.translate({
  model: model('cyclegan_fashion_mnist'),
  images: [sneaker],
  options: { family: { case: 'adversarial', value: { direction: Direction.A_TO_B } } },
});
const [{ image: boot }] = translated.images;
await writeFile('boot.png', boot.payload.value.data);
console.log('Translate:', boot.width, boot.height);
// [/Translate]

// [StreamTranslate]
const variation = {
  model: model('ddpm_fashion_mnist'),
  images: [sneaker],
  labels: [7],
  options: { family: { case: 'diffusion', value: { strength: 0.5, steps: 20 } } },
};
for await (const { event } of zoo.translation.streamTranslate({ translate: variation })) {
  if (event.case === 'progress') console.log(`StreamTranslate: ${event.value.step} of ${event.value.steps} steps`);
  if (event.case === 'image') await writeFile('variation.png', event.value.image.payload.value.data);
}
// [/StreamTranslate]

// [Score]
const { scores } = await zoo.scoring.score({ model: model('vae_fashion_mnist'), images: [sneaker, boot] });
for (const { index, values } of scores) {
  for (const { name, value, unit } of values) console.log(`Score: picture ${index}, ${name} ${value} ${unit}`);
}
// [/Score]

// [StreamScore]
const score = {
  model: model('ddpm_fashion_mnist'),
  images: [sneaker],
  labels: [7],
  options: { family: { case: 'diffusion', value: { timesteps: 8 } } },
};
for await (const { event } of zoo.scoring.streamScore({ score })) {
  if (event.case === 'progress') console.log(`StreamScore: ${event.value.step} of ${event.value.steps} steps`);
  if (event.case === 'score') console.log('StreamScore:', event.value.values[0].value, event.value.values[0].unit);
}
// [/StreamScore]

// [Encode]
const vae = model('vae_fashion_mnist');
const { latents } = await zoo.latent.encode({ model: vae, images: [sneaker, boot] });
console.log('Encode:', latents[0].shape, latents[0].dataType);
// [/Encode]

// [Decode]
const decoded = await zoo.latent.decode({ model: vae, latents });
await writeFile('decoded.png', decoded.images[0].payload.value.data);
console.log('Decode:', decoded.images.length);
// [/Decode]

// [Interpolate]
const way = await zoo.latent.interpolate({
  model: vae,
  start: { point: { case: 'image', value: sneaker } }, // a picture, or a latent
  end: { point: { case: 'latent', value: latents[1] } },
  count: 5,
  method: InterpolationMethod.SPHERICAL,
});
console.log('Interpolate:', way.images.length);
// [/Interpolate]
