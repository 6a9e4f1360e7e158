/** What the environment says about the server to call. A variable that is empty counts as not set. */
import { readFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { invalidSetting } from './errors.js';
import { checkedTls, checkedToken } from './security.js';

/** The word of PIXELZOO_TLS_CA for whom Node trusts. */
const SYSTEM = 'system';

/** @type {Record<keyof import('./security.js').Tls, string>} */
const VARIABLES = {
  ca: 'PIXELZOO_TLS_CA',
  serverName: 'PIXELZOO_TLS_SERVER_NAME',
  clientCertificate: 'PIXELZOO_TLS_CLIENT_CERTIFICATE',
  clientKey: 'PIXELZOO_TLS_CLIENT_KEY',
};

/** The server and the options that the environment says. */
export function fromEnvironment() {
  const { PIXELZOO_TARGET: target, PIXELZOO_TOKEN: token } = process.env;
  return { target: target || undefined, options: { tls: tls(), token: checkedToken(token, 'PIXELZOO_TOKEN') } };
}

/** @returns {import('./security.js').Tls | undefined} */
function tls() {
  const ca = process.env[VARIABLES.ca];
  if (!ca) {
    for (const name of Object.values(VARIABLES)) {
      const value = process.env[name];
      if (value) throw invalidSetting(name, `${value}: it says nothing unless there is TLS: set ${VARIABLES.ca} too`);
    }
    return undefined;
  }
  const given = {
    ca: ca === SYSTEM ? undefined : read(VARIABLES.ca, `name a PEM file of authorities, or say ${SYSTEM}`),
    serverName: process.env[VARIABLES.serverName] || undefined,
    clientCertificate: read(VARIABLES.clientCertificate, "name a PEM file of the client's certificate"),
    clientKey: read(VARIABLES.clientKey, "name the PEM file of the certificate's key"),
  };
  const origins = Object.entries(VARIABLES).map(([name, setting]) => [name, { setting, file: process.env[setting] }]);
  return checkedTls(given, Object.fromEntries(origins));
}

/**
 * The content of the file that a variable names, if it does.
 * @param {string} variable
 * @param {string} remedy
 */
function read(variable, remedy) {
  const path = process.env[variable];
  if (!path) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const { errno = 0, message } = /** @type {NodeJS.ErrnoException} */ (error);
    const [, why] = getSystemErrorMap().get(errno) ?? ['', message];
    throw invalidSetting(variable, `${path}: ${why}: ${remedy}`, error);
  }
}
