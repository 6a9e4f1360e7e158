// What is sent is what was given; what no message can carry is refused before it is sent.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, beforeEach, test } from 'node:test';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Client, Picture, ZooError } from 'pixelzoo';

/** @type {any} */
const definition = loadSync('pixelzoo/v1/sampling_service.proto', {
  includeDirs: [fileURLToPath(new URL('../protos', import.meta.url))],
  longs: String,
  enums: String,
});

/** @type {any[]} What a server of this process was asked for. */
let asked = [];
beforeEach(() => (asked = []));
const server = new grpc.Server();
server.addService(definition['pixelzoo.v1.SamplingService'], {
  /** @type {grpc.handleUnaryCall<any, any>} */
  Sample: ({ request }, done) => done(null, { images: asked.push(request) && [] }),
  /** @type {grpc.handleServerStreamingCall<any, any>} */
  StreamSample: (call) => {
    asked.push(call.request);
    call.end();
  },
});
const port = await new Promise((resolve, reject) => {
  const credentials = grpc.ServerCredentials.createInsecure();
  server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
});
const client = new Client(`127.0.0.1:${port}`);
after(() => {
  client.close();
  server.forceShutdown();
});

/**
 * @param {Promise<any>} call
 * @param {string} field
 * @param {RegExp} said
 */
async function refused(call, field, said) {
  await assert.rejects(call, (error) => {
    assert(error instanceof ZooError, String(error));
    assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'INVALID_FIELD']);
    assert.deepEqual(error.violations.map((violation) => violation.field), [field]);
    assert(error.message.startsWith(`${field}: `));
    assert.match(error.message, said);
    return true;
  });
  assert.deepEqual(asked, []);
}

test('arguments that no message can carry are refused', async () => {
  /** @type {[any, string, RegExp][]} */
  const wrong = [
    [{ labels: 7.5 }, 'labels[0]', /: must be a whole number, and is 7\.5$/],
    [{ labels: [7, null] }, 'labels[1]', /null/],
    [{ labels: [7, , 8] }, 'labels[1]', /undefined/],
    [{ labels: [2 ** 31] }, 'labels[0]', /: must be -2147483648 to 2147483647, and is 2/],
    [{ lable: 7 }, 'lable', /: must be one of the fields of SampleRequest: model, .*, and is 7$/],
    [{ constructor: 7 }, 'constructor', /one of the fields/],
    [{ step: 2 }, 'step', /one of the fields/],
    [{ options: { diffusion: { step: 2 } } }, 'options.diffusion.step', /the fields of DiffusionOptions: .*steps/],
    [{ options: { diffusion: { sampler: 'ddim' } } }, 'options.diffusion.sampler', /SAMPLER_DDIM.*'ddim'/],
    [{ options: { diffusion: { sampler: 99 } } }, 'options.diffusion.sampler', /99/],
    [{ options: { diffusion: { guidance: 1e300 } } }, 'options.diffusion.guidance', /32 bits/],
    [{ options: { diffusion: { guidance: '2' } } }, 'options.diffusion.guidance', /'2'/],
    [{ options: { latentVariable: { temprature: 1 } } }, 'options.latent_variable.temprature', /one of the fields/],
    [{ options: { diffusion: {}, adversarial: {} } }, 'options', /one of .*, and is diffusion and adversarial$/],
    [{ options: { family: 'diffusion' } }, 'options.family', /must be the name of the member/],
    [{ options: new Map([['diffusion', {}]]) }, 'options', /must be an object/],
    [{ encoding: 'gif' }, 'encoding', /must be one of png, jpeg, raw, and is 'gif'/],
    [{ reproducible: 'false' }, 'reproducible', /true or false/],
    [{ encoding: ['png'] }, 'encoding', /must be one of/],
    [{ requestId: 7 }, 'request_id', /a string/],
    [{ requestId: '\ud800' }, 'request_id', /whole characters/],
    [new Map([['seed', 7]]), 'request', /must be an object/],
    ['seed', 'request', /must be an object/],
    [{ model: { name: 'other' } }, 'model', /argument of its own/],
  ];
  for (const seed of ['abc', '', '1.5', NaN, 1.5, [1], true, {}]) {
    wrong.push([{ seed }, 'seed', /: must be a whole number, and is /]);
  }
  for (const seed of [-1, -1n, '-1', 1e21, 2n ** 64n + 5n, 2n ** 64n]) {
    wrong.push([{ seed }, 'seed', /: must be 0 to 9223372036854775807, and is /]);
  }
  wrong.push([{ seed: 2 ** 53 }, 'seed', /: must be a bigint or a decimal string beyond 2\^53 - 1, and is 9007\d+$/]);
  for (const count of [1.7, Infinity, '2x']) wrong.push([{ count }, 'count', /: must be a whole number, and is /]);
  wrong.push([{ count: -1 }, 'count', /: must be at least 0, and is -1$/]);
  wrong.push([{ count: 2 ** 32 }, 'count', /: must be 0 to 4294967295, and is 4294967296$/]);
  const steps = { options: { diffusion: { steps: -1 } } };
  wrong.push([steps, 'options.diffusion.steps', /: must be at least 0, and is -1$/]);
  for (const [wanted, field, said] of wrong) await refused(client.sample('any', wanted), field, said);
});

test('so are models and pictures', async () => {
  await refused(client.sample('any\ud800'), 'model.name', /whole characters/);
  await refused(client.sample(/** @type {any} */ ({ name: 'any' })), 'model', /must be a string/);
  const files = /** @type {any} */ ([new Uint8Array(1), 'boot.png']);
  await refused(client.translate('any', files), 'images[1]', /'boot.png'/);
  const empty = /** @type {any} */ (new Picture(/** @type {any} */ ({})));
  await refused(client.translate('any', [files[0], empty]), 'images[1]', /Picture/);
  const wanted = /** @type {any} */ ({ encoding: 'png' });
  await refused(client.score('any', [], wanted), 'encoding', /one of the fields of ScoreRequest: .*, and is 'png'$/);
});

test('and plain requests, and those of streams', async () => {
  const sample = { model: { name: 'any' }, seed: 9007199254740993 };
  await refused(client.call('sampling', 'sample', sample), 'seed', /9007199254740992/);
  await refused(client.stream('sampling', 'streamSample', { sample }).next(), 'sample.seed', /decimal string/);
  await refused(client.streamSample('any', { previewInterval: 1.5 }).next(), 'preview_interval', /1\.5/);
  const gif = /** @type {any} */ ({ encoding: 'gif' });
  await refused(client.streamSample('any', gif).next(), 'sample.encoding', /'gif'/);
  await refused(client.streamTranslate('any', /** @type {any} */ ([3])).next(), 'translate.images[0]', /is 3/);
  await refused(client.call('sampling', 'streamSample', {}), 'method', /one of sample for call of sampling/);
  await refused(client.stream('sampling', 'sample', {}).next(), 'method', /one of streamSample for stream of sampling/);
  await refused(client.stream(/** @type {any} */ ('latent'), 'decode', {}).next(), 'service', /'latent'/);
  await refused(client.call('sampling', 'constructor', {}), 'method', /'constructor'/);
  await refused(client.call('sampling', 'sample', /** @type {any} */ (undefined)), 'request', /must be an object/);
  for (const data of ['nonsense!', [1, 2]]) {
    const request = { options: { autoregressive: { image: { encoded: { data } } } } };
    await refused(client.call('sampling', 'sample', request), 'options.autoregressive.image.encoded.data', /base64/);
  }
});

test('settings that cannot be are refused', async () => {
  /** @type {[string, () => any][]} */
  const wrong = [
    ['tsl', () => new Client('localhost:1', /** @type {any} */ ({ tsl: true }))],
    ['options', () => new Client('localhost:1', /** @type {any} */ (new Map()))],
    ['target', () => new Client(/** @type {any} */ (50051))],
    ['timeout', () => new Client('localhost:1', { timeout: NaN })],
    ['token', () => new Client('localhost:1', { token: 'pxz_a\nb' })],
    ['token', () => new Client('localhost:1', { token: /** @type {any} */ (Symbol('pxz_')) })],
    ['tls', () => new Client('localhost:1', { tls: /** @type {any} */ ('yes') })],
    ['tls.CA', () => new Client('localhost:1', { tls: /** @type {any} */ ({ CA: 'x' }) })],
    ['tls.ca', () => new Client('localhost:1', { tls: { ca: '' } })],
    ['tls.serverName', () => new Client('localhost:1', { tls: { serverName: 'a b' } })],
    ['tls.clientKey', () => new Client('localhost:1', { tls: { clientKey: 'x' } })],
    ['deadline', () => client.sample('any', {}, /** @type {any} */ ({ deadline: 5 }))],
    ['timeout', () => client.sample('any', {}, { timeout: -1 })],
    ['timeout', () => client.sample('any', {}, { timeout: 2 ** 64 })],
    ['signal', () => client.streamSample('any', {}, { signal: /** @type {any} */ ({}) }).next()],
    ['call options', () => client.models(/** @type {any} */ (5))],
  ];
  for (const [setting, use] of wrong) {
    await assert.rejects(async () => await use(), (error) => {
      assert(error instanceof ZooError, String(error));
      assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'INVALID_SETTING']);
      assert(error.message.startsWith(`${setting}: `), error.message);
      assert.deepEqual(error.metadata, { setting });
      assert(!error.message.includes('pxz_'));
      return true;
    });
  }
  await client.sample('any', {}, { timeout: Infinity });
  const closed = new Client('localhost:1');
  closed.close();
  closed.close();
  const message = 'the client is closed: make a new one, and close it after its last call';
  const refusal = { name: 'ZooError', code: 'CANCELLED', reason: 'CLIENT_CLOSED', message };
  await assert.rejects(closed.sample('any'), refusal);
  await assert.rejects(closed.streamSample('any').next(), refusal);
});

test('what is right arrives as it was given', async () => {
  for (const seed of [5, 2n ** 53n + 1n, '9223372036854775807', 2n ** 64n - 1n, 0]) {
    await client.sample('any@18446744073709551615', { seed });
    await client.call('sampling', 'sample', { seed });
    assert.deepEqual(asked.map((request) => request.seed), [seed.toString(), seed.toString()]);
    assert.equal(asked[0].model.version, '18446744073709551615');
    asked = [];
  }
  const wanted = { labels: [-1, 3], count: 2, requestId: 'mine', reproducible: true };
  await client.sample('any@a@b', wanted);
  assert.deepEqual(asked.pop(), {
    model: { name: 'any', versionLabel: 'a@b' },
    count: 2,
    labels: [-1, 3],
    encoding: 'IMAGE_ENCODING_PNG',
    requestId: 'mine',
    reproducible: true,
  });
  for (const [name, model] of /** @type {[string, object][]} */ ([
    ['any@', { name: 'any', versionLabel: '' }],
    ['any@18446744073709551616', { name: 'any', versionLabel: '18446744073709551616' }],
    ['any@\u0663', { name: 'any', versionLabel: '\u0663' }],
    ['@3', { name: '', version: '3' }],
    ['', { name: '' }],
  ])) {
    await client.sample(name);
    assert.deepEqual(asked.pop().model, model);
  }
  for (const guidance of [NaN, Infinity, -Infinity]) {
    await client.sample('any', { options: { diffusion: { guidance } } });
    assert.equal(asked.pop().options.diffusion.guidance, guidance);
  }
  const options = { family: 'diffusion', diffusion: { sampler: 2, steps: 3, _steps: 'steps', guidance: null } };
  for await (const _ of client.stream('sampling', 'streamSample', { sample: { options } }));
  assert.deepEqual(asked.pop().sample.options, { diffusion: { sampler: 'SAMPLER_DDIM', steps: 3 } });
  const data = Buffer.from('a file');
  for (const given of [data, new Uint8Array(data), data.toString('base64')]) {
    await client.call('sampling', 'sample', { options: { autoregressive: { image: { encoded: { data: given } } } } });
    assert.deepEqual(asked.pop().options.autoregressive.image.encoded.data, data);
  }
});
