// Classes by their names, of a server behind PIXELZOO_ENVOY.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, connect, labels, model, refusal } from 'pixelzoo-web';

const zoo = connect(process.env.PIXELZOO_ENVOY);
const named = async (name) => (await zoo.catalog.getModel({ model: model(name) })).model;

function refused(...given) {
  try {
    labels(...given);
  } catch (error) {
    const { code, reason, message, violations } = refusal(error);
    assert.deepEqual([code, reason], [Code.InvalidArgument, 'INVALID_FIELD']);
    assert.deepEqual(violations.map(({ field, description }) => `${field}: ${description}`), [message]);
    return message;
  }
  assert.fail(`${given} was not refused`);
}

test('names in any case become labels, and digits are labels', async () => {
  assert.deepEqual(labels(await named('ddpm_fashion_mnist'), 'ankle BOOT', 'Bag', '7', '-1'), [9, 8, 7, -1]);
});

test('a class that the model has not is refused with those that it has', async () => {
  const classes = 'T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot';
  const ddpm = await named('ddpm_fashion_mnist');
  assert.equal(refused(ddpm, 'Bag', 'boot'), `labels: ddpm_fashion_mnist has no class 'boot'; it has: ${classes}`);
  const large = String(2 ** 31);
  assert.equal(refused(await named('srgan_photos'), large), `labels: srgan_photos has no class '${large}'; it has: none`);
  assert.equal(refused(ddpm, 7), 'labels: must be the name of a class, and is 7');
});

test('without its card nobody knows a class', () => {
  const rule = 'model: must be a model as getModel and listModels give it, and is ';
  assert.equal(refused('ddpm_fashion_mnist', 'Bag'), `${rule}"ddpm_fashion_mnist"`);
  assert.equal(refused(model('ddpm_fashion_mnist'), 'Bag'), `${rule}an object`);
});
