/** Which model, and which version of it. */
import { invalidField } from './errors.js';

const VERSIONS = 2n ** 64n;

/**
 * The `model` of a request by "name", "name@3" (a version) or "name@stable" (a version's label).
 * @param {string} text
 */
export function model(text) {
  if (typeof text !== 'string') throw invalidField('model', 'must be a string, such as "name" or "name@3"', text);
  const at = text.indexOf('@');
  if (at < 0) return { name: text };
  const version = text.slice(at + 1);
  const isNumber = /^[0-9]+$/.test(version) && BigInt(version) < VERSIONS;
  // What cannot be right goes too: the server says what is wrong, as it does to clients of other languages.
  const versionChoice = isNumber ? { case: 'version', value: BigInt(version) } : { case: 'versionLabel', value: version };
  return { name: text.slice(0, at), versionChoice };
}
