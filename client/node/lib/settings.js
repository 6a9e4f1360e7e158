/** What arguments of the client must be: an object with known names, and nothing else in it that would be ignored. */
import { invalidSetting, shown } from './errors.js';
import { isPlain } from './validation.js';

/**
 * The settings of an object; none of nothing.
 * @template {object} Settings
 * @param {Settings | null | undefined} given
 * @param {string[]} known
 * @param {string} name of the whole
 * @param {string} [path] of the settings, with a dot behind it
 * @returns {Settings | {}}
 */
export function settings(given, known, name, path = '') {
  if (given === undefined || given === null) return {};
  const names = known.join(', ');
  if (!isPlain(given)) throw invalidSetting(name, `must be an object with any of ${names}, and is ${shown(given)}`);
  for (const one of Object.keys(given)) {
    if (!known.includes(one)) throw invalidSetting(path + one, `there is no such setting: there are ${names}`);
  }
  return given;
}

const LONGEST = 2 ** 48; // gRPC sends at most 10^8 hours; without end is another thing.

/**
 * @param {unknown} timeout
 * @returns {number}
 */
export function milliseconds(timeout) {
  if (typeof timeout === 'number' && timeout >= 0 && (timeout <= LONGEST || timeout === Infinity)) return timeout;
  throw invalidSetting('timeout', `must be milliseconds, 0 to 2^48 or Infinity, and is ${shown(timeout)}`);
}

/** @param {unknown} signal */
export function abortSignal(signal) {
  if (signal === undefined || signal === null) return undefined;
  if (signal instanceof AbortSignal) return signal;
  throw invalidSetting('signal', `must be an AbortSignal, and is ${shown(signal)}`);
}
