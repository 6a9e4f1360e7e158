// A proxy that the environment names gets nothing of what goes to this machine.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Client } from 'pixelzoo';

test('calls to this machine do not go through a proxy', async (t) => {
  let connections = 0;
  const proxy = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  t.after(() => proxy.close());
  await once(proxy, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  process.env.http_proxy = `http://127.0.0.1:${port}`;
  const unreachable = { code: 'UNAVAILABLE', reason: 'SERVER_UNREACHABLE' };
  for (const near of ['localhost:1', '127.0.0.1:1', '[::1]:1']) {
    const client = new Client(near, { token: 'pxz_secret' });
    t.after(() => client.close());
    await assert.rejects(client.models(), unreachable);
  }
  assert.equal(connections, 0);
  const client = new Client('zoo.example:1');
  t.after(() => client.close());
  await assert.rejects(client.models(), unreachable);
  assert.notEqual(connections, 0);
});
