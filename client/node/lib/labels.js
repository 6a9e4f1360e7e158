/** Classes by their names. */
import { invalidField } from './errors.js';

/** @typedef {import('../generated/pixelzoo/v1/Model.js').Model__Output} Model */

/**
 * Whether a label is the name of a class, for which the model's card is needed.
 * @param {unknown} label
 * @returns {label is string}
 */
export function isName(label) {
  return typeof label === 'string' && !(/^-?\d+$/.test(label) && Number(label) === (Number(label) | 0));
}

/**
 * Whether a version of the model can be called: only then its card says anything.
 * @param {Model} model
 */
export function isAvailable({ card }) {
  return (card?.contractVersion ?? 0) > 0;
}

/**
 * The label of the class with a name.
 * @param {Model} model
 * @param {string} name in any case
 */
export function labelOf(model, name) {
  const classes = model.card?.classes ?? [];
  const label = classes.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  if (label >= 0) return label;
  throw invalidField('labels', `${model.name} has no class '${name}'; it has: ${classes.join(', ') || 'none'}`);
}
