/** Images from a pixelzoo server. */
export { Client } from './client.js';
export { ZooError } from './errors.js';
export { Picture } from './picture.js';
