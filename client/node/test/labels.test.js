// Classes by their names: against a running server, PIXELZOO_SERVER, and against one of this process that counts.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Client } from 'pixelzoo';
import { setting } from './server.js';

/** @type {any} */
const definition = loadSync(['catalog', 'sampling', 'scoring'].map((name) => `pixelzoo/v1/${name}_service.proto`), {
  includeDirs: [fileURLToPath(new URL('../protos', import.meta.url))],
});

/**
 * Runs `body` with a client of a server that describes `model`, and with what that server was asked for.
 * @param {{ name: string, card?: { contractVersion: number, classes: string[] } }} model
 * @param {(client: Client, asked: any[], described: any[]) => Promise<void>} body
 */
async function describing(model, body) {
  /** @type {any[]} */
  const [asked, described] = [[], []];
  const server = new grpc.Server();
  server.addService(definition['pixelzoo.v1.CatalogService'], {
    /** @type {grpc.handleUnaryCall<any, any>} */
    GetModel: ({ request }, done) => done(null, { model: described.push(request.model) && model }),
  });
  server.addService(definition['pixelzoo.v1.SamplingService'], {
    /** @type {grpc.handleUnaryCall<any, any>} */
    Sample: ({ request }, done) => {
      if (model.card?.contractVersion) done(null, { images: asked.push(request.labels) && [] });
      else done({ code: grpc.status.FAILED_PRECONDITION, details: 'damaged' });
    },
    /** @type {grpc.handleServerStreamingCall<any, any>} */
    StreamSample: (call) => {
      asked.push(call.request.sample.labels);
      call.end();
    },
  });
  server.addService(definition['pixelzoo.v1.ScoringService'], {
    /** @type {grpc.handleUnaryCall<any, any>} */
    Score: ({ request }, done) => done(null, { scores: asked.push(request.labels) && [] }),
  });
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
  const client = new Client(`127.0.0.1:${port}`);
  try {
    await body(client, asked, described);
  } finally {
    client.close();
    server.forceShutdown();
  }
}

const PETS = { name: 'pets', card: { contractVersion: 1, classes: ['Cat', 'Guinea pig'] } };

test('names of classes become labels in every call, and the card is fetched once', async () => {
  await describing(PETS, async (client, asked, described) => {
    await client.sample('pets@4', { labels: ['guinea PIG', 'Cat', 5, '6', -1] });
    await client.score('pets@4', Buffer.from('a file'), { labels: 'cat' });
    for await (const _ of client.streamSample('pets@4', { labels: 'Guinea pig' }));
    assert.deepEqual(asked, [[1, 0, 5, 6, -1], [0], [1]]);
    assert.equal(described.length, 1);
    assert.equal(described[0].version.toString(), '4');
    await client.sample('pets', { labels: 'cat' });
    assert.equal(described.length, 2);
  });
});

test('numbers need no card', async () => {
  await describing(PETS, async (client, asked, described) => {
    await client.sample('pets', { labels: ['7', '-1', 2] });
    assert.deepEqual([asked, described], [[[7, -1, 2]], []]);
  });
});

test('why a model is not there, the server says', async () => {
  const model = { name: 'pets', card: { contractVersion: 0, classes: /** @type {string[]} */ ([]) } };
  await describing(model, async (client, asked) => {
    await assert.rejects(client.sample('pets', { labels: 'cat' }), { code: 'FAILED_PRECONDITION', message: 'damaged' });
    assert.deepEqual(asked, []);
    Object.assign(model, PETS);
    await client.sample('pets', { labels: 'cat' });
    assert.deepEqual(asked, [[0]]);
  });
});

test('a class that the model has not is refused with those that it has', async () => {
  const client = new Client(setting('PIXELZOO_SERVER'));
  try {
    const [boot] = await client.sample('conditional_gan_fashion_mnist', { seed: 1, labels: 'ankle BOOT' });
    assert.equal(/** @type {any} */ (boot.recipe).label, 9);
    const description =
      "ddpm_fashion_mnist has no class 'boot'; it has: T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, " +
      'Sneaker, Bag, Ankle boot';
    const refusal = {
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      message: `labels: ${description}`,
      violations: [{ field: 'labels', description }],
    };
    await assert.rejects(client.sample('ddpm_fashion_mnist', { labels: ['Bag', 'boot'] }), refusal);
    await assert.rejects(client.streamSample('ddpm_fashion_mnist', { labels: 'boot' }).next(), refusal);
    const message = "labels: srgan_photos has no class '2147483648'; it has: none";
    await assert.rejects(client.translate('srgan_photos', Buffer.from('x'), { labels: '2147483648' }), { message });
    await assert.rejects(client.sample('unicorn', { labels: 'Bag' }), { reason: 'MODEL_NOT_FOUND' });
  } finally {
    client.close();
  }
});
