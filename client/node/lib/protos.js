/** Where the protos lie that the package brings along. */
import { fileURLToPath } from 'node:url';

export const PROTOS = fileURLToPath(new URL('../protos', import.meta.url));

export const SERVICES = ['catalog', 'sampling', 'translation', 'scoring', 'latent'].map(
  (name) => `pixelzoo/v1/${name}_service.proto`,
);
