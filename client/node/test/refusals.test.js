// Against a server of this process that refuses its first calls: retries, and what a client makes of refusals.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Client } from 'pixelzoo';

/** @type {any} */
const definition = loadSync(['catalog', 'sampling'].map((name) => `pixelzoo/v1/${name}_service.proto`), {
  includeDirs: [fileURLToPath(new URL('../protos', import.meta.url))],
});

/**
 * A client of a server that refuses so many calls with `status` before it answers; with how often it was called, and
 * a promise of the call that it never answers.
 * @param {number} refusals
 * @param {Partial<import('@grpc/grpc-js').StatusObject>} status
 * @param {(client: Client, calls: () => number, described: Promise<void>) => Promise<void>} body
 */
async function refusing(refusals, status, body) {
  let calls = 0;
  /** @type {() => void} */
  let describe = () => {};
  const described = /** @type {Promise<void>} */ (new Promise((resolve) => (describe = resolve)));
  const server = new grpc.Server();
  server.addService(definition['pixelzoo.v1.CatalogService'], {
    /** @type {grpc.handleUnaryCall<any, any>} */
    ListModels: (_, done) => (++calls <= refusals ? done(status) : done(null, { models: [] })),
    /** @type {grpc.handleUnaryCall<any, any>} */
    GetModel: () => describe(),
  });
  server.addService(definition['pixelzoo.v1.SamplingService'], {
    Sample: () => {},
    /** @type {grpc.handleServerStreamingCall<any, any>} */
    StreamSample: (call) => void call.write({ progress: { steps: 1 } }), // And it never ends.
  });
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
  const client = new Client(`127.0.0.1:${port}`);
  try {
    await body(client, () => calls, described);
  } finally {
    client.close();
    server.forceShutdown();
  }
}

test('a server that is not available is asked again', async () => {
  await refusing(2, { code: grpc.status.UNAVAILABLE, details: 'not now' }, async (client, calls) => {
    assert.deepEqual(await client.models(), []);
    assert.equal(calls(), 3);
  });
});

test('but not for ever', async () => {
  await refusing(100, { code: grpc.status.UNAVAILABLE, details: 'not now' }, async (client, calls) => {
    await assert.rejects(client.models(), { code: 'UNAVAILABLE', message: /not now/ });
    assert.equal(calls(), 4);
  });
});

test('calls that fail all at once are all sent again', async () => {
  await refusing(40, { code: grpc.status.UNAVAILABLE, details: 'not now' }, async (client, calls) => {
    assert.deepEqual(await Promise.all(Array.from({ length: 40 }, () => client.models())), Array(40).fill([]));
    assert.equal(calls(), 80);
  });
});

test('other refusals are final', async () => {
  await refusing(1, { code: grpc.status.INTERNAL, details: 'a mistake' }, async (client, calls) => {
    await assert.rejects(client.models(), { code: 'INTERNAL', reason: 'INTERNAL', message: 'a mistake' });
    assert.equal(calls(), 1);
  });
});

test('a deadline passes though the server says nothing', async () => {
  await refusing(0, {}, async (client) => {
    const message = `the call to ${client.target} took longer than its timeout`;
    const passed = { code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED', message };
    await assert.rejects(client.call('catalog', 'getModel', {}, { timeout: 100 }), passed);
  });
});

test('close ends the calls under way', async () => {
  await refusing(0, {}, async (client, _, described) => {
    const closed = { code: 'CANCELLED', reason: 'CLIENT_CLOSED', message: /^the client is closed: make a new one/ };
    const stream = client.streamSample('any');
    assert.equal((await stream.next()).value?.kind, 'progress');
    const ended = assert.rejects(client.call('catalog', 'getModel', {}), closed);
    const streamed = assert.rejects(stream.next(), closed);
    await described;
    client.close();
    await ended;
    await streamed;
    await assert.rejects(client.models(), closed);
  });
});

test('a full queue says when to come back', async () => {
  const details = Buffer.from(
    // google.rpc.Status { code: 8, details: [ErrorInfo { reason, domain }, RetryInfo { retry_delay: 1.5 s }] }
    message(8, field(3, any('ErrorInfo', field(1, text('QUEUE_FULL')), field(2, text('pixelzoo'))))
      .concat(field(3, any('RetryInfo', field(1, [8, 1, 16, ...varint(500_000_000)])))),
    ),
  );
  const metadata = new grpc.Metadata();
  metadata.set('grpc-status-details-bin', details);
  const status = { code: grpc.status.RESOURCE_EXHAUSTED, details: 'come back later', metadata };
  await refusing(1, status, async (client) => {
    await assert.rejects(client.models(), { reason: 'QUEUE_FULL', retryAfter: 1500, message: 'come back later' });
  });
});

// The wire format by hand, so that the client's own reader is not its own judge.
/** @param {number} code @param {number[]} rest */
function message(code, rest) {
  return [8, code, ...rest];
}
/** @param {number} number @param {number[]} bytes */
function field(number, bytes) {
  return [(number << 3) | 2, ...varint(bytes.length), ...bytes];
}
/** @param {string} value */
function text(value) {
  return [...Buffer.from(value)];
}
/** @param {string} type @param {number[][]} fields */
function any(type, ...fields) {
  return [...field(1, text(`type.googleapis.com/google.rpc.${type}`)), ...field(2, fields.flat())];
}
/** @param {number} value @returns {number[]} */
function varint(value) {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
