// A call that reaches nobody says where it went, and what to do.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Code, connect, refusal } from 'pixelzoo-web';

/** An address at which nobody listens any more. */
async function nobody() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const url = await nobody();
const zoo = connect(url);

async function failure(call) {
  return refusal(await Promise.resolve().then(call).then(assert.fail, (thrown) => thrown));
}

test('it names the address, the reason and the remedy', async () => {
  const stream = async () => {
    for await (const _ of zoo.sampling.streamSample({}));
  };
  for (const call of [() => zoo.catalog.listModels({}), stream]) {
    const { code, reason, message, violations, retryAfter } = await failure(call);
    assert.deepEqual([code, reason, violations, retryAfter], [Code.Unavailable, 'SERVER_UNREACHABLE', [], undefined]);
    assert.ok(message.startsWith(`no Envoy answers at ${url}, `), message);
    assert.match(message, /ECONNREFUSED.*docs\/web\.md.*cors/);
  }
});

test('who hangs up himself is not told so', async () => {
  const late = await failure(() => zoo.catalog.listModels({}, { signal: AbortSignal.abort() }));
  assert.deepEqual([late.code, late.reason], [Code.Canceled, undefined]);
});
