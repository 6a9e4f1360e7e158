// The page as `make page` serves it, in a browser's stead jsdom: it has the document, Node makes the calls.
import assert from 'node:assert/strict';
import { resolveObjectURL } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { JSDOM } from 'jsdom';
import { PNG } from 'pngjs';

const html = await readFile(new URL('../index.html', import.meta.url), 'utf8');
const { window } = new JSDOM(html, { url: `http://localhost:3000/?envoy=${process.env.PIXELZOO_ENVOY}` });
const { document, location } = window;
Object.assign(globalThis, { document, location });
await import('../build/page.js');

const [model, label, count, progress, said, form] = ['#model', '#label', '#count', 'progress', 'output', 'form'].map(
  (name) => document.querySelector(name),
);
const pictures = () => [...document.querySelectorAll('figure img')];

function choose(name) {
  model.value = name;
  model.dispatchEvent(new window.Event('change'));
}

function submit() {
  form.dispatchEvent(new window.Event('submit', { cancelable: true }));
}

async function until(condition) {
  const end = Date.now() + 300_000;
  while (!condition()) {
    assert.ok(Date.now() < end, said.textContent);
    await setTimeout(20);
  }
}

test('it lists the models that draw, and their classes', async () => {
  await until(() => model.options.length > 0);
  const names = [...model.options].map((option) => option.value);
  assert.ok(names.includes('ddpm_fashion_mnist'));
  assert.ok(!names.includes('srgan_photos'));
  choose('conditional_gan_fashion_mnist');
  assert.deepEqual([label.options[7].textContent, label.options.length], ['Sneaker', 10]);
  choose('ddpm_fashion_mnist');
  assert.equal(label.options[0].textContent, 'any');
});

test('it shows the progress and then the pictures', async () => {
  choose('ddpm_fashion_mnist');
  label.value = '7';
  count.value = '2';
  submit();
  await until(() => progress.value > 0);
  await until(() => pictures().length === 2);
  assert.equal(progress.value, progress.max);
  for (const { src, title } of pictures()) {
    const file = await resolveObjectURL(src).arrayBuffer();
    assert.equal(PNG.sync.read(Buffer.from(file)).width, 28);
    assert.match(title, /^seed \d+$/);
  }
});

test('it says what is wrong, and a new drawing takes the place of the old one', async () => {
  count.value = '100000';
  submit();
  await until(() => said.textContent.includes('count'));
  choose('dcgan_fashion_mnist');
  count.value = '3';
  submit();
  await until(() => pictures().length === 3);
  assert.equal(said.textContent, '');
});
