/** Classes by their names. */
import { brokenRule, invalidField } from './errors.js';

/**
 * The `labels` of a request by the names of classes, in any case: `labels(found, 'Bag', 'ankle boot')`. Digits are a
 * label itself.
 * @param {import('../generated/pixelzoo/v1/model_pb.js').Model} model as getModel or listModels give it
 * @param {...string} names
 */
export function labels(model, ...names) {
  if (model?.$typeName !== 'pixelzoo.v1.Model') {
    throw invalidField('model', 'must be a model as getModel and listModels give it', model);
  }
  const classes = model.card?.classes ?? [];
  return names.map((name) => {
    if (typeof name !== 'string') throw invalidField('labels', 'must be the name of a class', name);
    const number = /^-?\d+$/.test(name) ? Number(name) : NaN;
    if (number === (number | 0)) return number;
    const label = classes.findIndex((known) => known.toLowerCase() === name.toLowerCase());
    if (label >= 0) return label;
    throw brokenRule('labels', `${model.name} has no class '${name}'; it has: ${classes.join(', ') || 'none'}`);
  });
}
