// TLS and tokens, against a server that wants both: PIXELZOO_TLS_SERVER.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Client } from 'pixelzoo';
import { setting } from './server.js';

const target = setting('PIXELZOO_TLS_SERVER');
const ca = setting('PIXELZOO_CA_FILE');
const token = setting('PIXELZOO_TOKEN');

test('a token over TLS opens the server', async () => {
  const client = new Client(target, { tls: { ca: readFileSync(ca) }, token });
  assert.equal((await client.sample('vae_fashion_mnist', { seed: 1 })).length, 1);
  client.close();
});

test('the environment may say it all', async () => {
  Object.assign(process.env, { PIXELZOO_TARGET: target, PIXELZOO_TLS_CA: ca, PIXELZOO_TOKEN: token });
  const client = Client.fromEnv();
  assert.equal((await client.models()).length, 1);
  client.close();
});

test('without the token, or with another, calls are refused', async () => {
  for (const wrong of [undefined, 'pxz_wrong']) {
    const client = new Client(target, { tls: { ca: readFileSync(ca) }, token: wrong });
    await assert.rejects(client.models(), { code: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED' });
    client.close();
  }
});

test('a server whose authority is not trusted gets nothing', async () => {
  const client = new Client(target, { tls: true, token });
  await assert.rejects(client.models({ timeout: 20_000 }), { code: 'UNAVAILABLE' });
  client.close();
});

test('a token never goes in the clear to another machine', () => {
  const foreign = ['zoo.example:50051', '192.168.1.2:1', 'dns:///zoo.example:1', 'localhost.evil:1'];
  for (const far of [...foreign, '127.0.0.1.evil.example:1', '127.evil.example:1']) {
    assert.throws(() => new Client(far, { token }), { code: 'UNAUTHENTICATED', reason: 'INSECURE_TOKEN' });
    new Client(far, { token, tls: true }).close();
  }
  for (const near of ['localhost:1', '127.0.0.1:1', '[::1]:1', 'unix:/tmp/socket']) new Client(near, { token }).close();
});
