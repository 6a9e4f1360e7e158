// What tests know about the server that they were given.
import { setTimeout } from 'node:timers/promises';

/** @param {string} name */
export function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}: make test-clients in the repository's root does, and starts the server`);
  return value;
}

/**
 * Waits until the server has this many items in hand, in at most half a minute.
 * @param {number} items
 */
export async function pending(items) {
  for (let tries = 0; tries < 600; tries++) {
    const metrics = await (await fetch(setting('PIXELZOO_METRICS'))).text();
    const counts = [...metrics.matchAll(/^pixelzoo_pending_items\{.*\} (\S+)$/gm)].map(([, count]) => Number(count));
    if (counts.length && counts.reduce((sum, count) => sum + count) === items) return;
    await setTimeout(50);
  }
  throw new Error(`the server never had ${items} items in hand`);
}
