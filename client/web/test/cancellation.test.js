// Whoever stops listening ends the server's work: PIXELZOO_METRICS says what it still has to do.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Code } from '@connectrpc/connect';
import { connect, model } from 'pixelzoo-web';
import { Sampler } from 'pixelzoo-web/generated/pixelzoo/v1/options_pb.js';

const zoo = connect(process.env.PIXELZOO_ENVOY);
const options = { family: { case: 'diffusion', value: { sampler: Sampler.DDPM, steps: 1000 } } };
const long = { sample: { model: model('ddpm_fashion_mnist'), count: 16, options } }; // Minutes of work.

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

test('by leaving the loop', { timeout: 120_000 }, async () => {
  for (const signal of [undefined, new AbortController().signal]) {
    for await (const _ of zoo.sampling.streamSample(long, { signal })) {
      assert.ok((await pending()) > 0);
      break;
    }
    await idle();
  }
});

test('by an error in the loop', { timeout: 120_000 }, async () => {
  await assert.rejects(async () => {
    for await (const _ of zoo.sampling.streamSample(long)) throw new Error('no more');
  }, /^Error: no more$/);
  await idle();
});

test('while the next event is waited for', { timeout: 120_000 }, async () => {
  const events = zoo.sampling.streamSample(long)[Symbol.asyncIterator]();
  await events.next();
  const next = events.next();
  next.catch(() => {});
  await events.return();
  await idle();
  assert.deepEqual(await events.next(), { done: true, value: undefined });
});

test('and a program that has left its loop comes to its end', { timeout: 120_000 }, async () => {
  // The deadline of the call is in ten minutes: its timer must not keep the program.
  const program = `
    import { connect } from 'pixelzoo-web';
    const request = { sample: { model: { name: 'ddpm_fashion_mnist' }, count: 16 } };
    for await (const _ of connect(process.env.PIXELZOO_ENVOY).sampling.streamSample(request)) break;
    console.log('left');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { timeout: 60_000 });
  assert.equal(stdout, 'left\n');
  await idle();
});

test('by a deadline', { timeout: 120_000 }, async () => {
  await assert.rejects(async () => {
    for await (const _ of zoo.sampling.streamSample(long, { timeoutMs: 1500 }));
  }, { code: Code.DeadlineExceeded });
  await idle();
});
