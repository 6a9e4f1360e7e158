// Whoever stops listening ends the server's work: PIXELZOO_METRICS says what it still has to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { connect } from 'pixelzoo-web';
import { Sampler } from 'pixelzoo-web/generated/pixelzoo/v1/options_pb.js';

const zoo = connect(process.env.PIXELZOO_ENVOY);
const options = { family: { case: 'diffusion', value: { sampler: Sampler.DDPM, steps: 1000 } } };
const long = { sample: { model: { name: 'ddpm_fashion_mnist' }, count: 16, options } }; // Minutes of work.

async function pending() {
  const page = await (await fetch(process.env.PIXELZOO_METRICS)).text();
  return [...page.matchAll(/^pixelzoo_pending_items\{.*\} (\S+)$/gm)].reduce((sum, [, items]) => sum + Number(items), 0);
}

async function idle() {
  const end = Date.now() + 30_000;
  while (await pending()) {
    assert.ok(Date.now() < end, 'the server still works');
    await setTimeout(50);
  }
}

test('by a signal', { timeout: 120_000 }, async () => {
  const stop = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of zoo.sampling.streamSample(long, { signal: stop.signal })) {
      assert.ok((await pending()) > 0);
      stop.abort();
    }
  }, { code: Code.Canceled });
  await idle();
});

test('by a deadline', { timeout: 120_000 }, async () => {
  await assert.rejects(async () => {
    for await (const _ of zoo.sampling.streamSample(long, { timeoutMs: 1500 }));
  }, { code: Code.DeadlineExceeded });
  await idle();
});
