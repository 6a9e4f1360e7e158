/** What the environment says about the server to call. A variable that is empty counts as not set. */
import { readFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { invalidSetting } from './errors.js';
import { checkedTls, checkedToken } from './security.js';
import { checkedTarget } from './target.js';

/** The word of PIXELZOO_TLS_CA for whom Node trusts. */
const SYSTEM = 'system';

/** @type {Record<keyof import('./security.js').Tls, { setting: string, remedy: string }>} */
const VARIABLES = {
  ca: { setting: 'PIXELZOO_TLS_CA', remedy: `name a PEM file of certificates, or say ${SYSTEM}` },
  serverName: { setting: 'PIXELZOO_TLS_SERVER_NAME', remedy: "give the one in the server's certificate" },
  clientCertificate: {
    setting: 'PIXELZOO_TLS_CLIENT_CERTIFICATE',
    remedy: "name a PEM file of the client's certificate",
  },
  clientKey: { setting: 'PIXELZOO_TLS_CLIENT_KEY', remedy: 'name the PEM file of its key, without a password' },
};

/** The server and the options that the environment says. */
export function fromEnvironment() {
  const { PIXELZOO_TARGET: target, PIXELZOO_TOKEN: token } = process.env;
  return {
    target: target ? checkedTarget(target, 'PIXELZOO_TARGET') : undefined,
    options: { tls: tls(), token: checkedToken(token, 'PIXELZOO_TOKEN') },
  };
}

/** @returns {import('./security.js').Tls | undefined} */
function tls() {
  const ca = process.env[VARIABLES.ca.setting];
  if (!ca) {
    for (const { setting } of Object.values(VARIABLES)) {
      const value = process.env[setting];
      if (!value) continue;
      const remedy = `set that too, to ${SYSTEM} or a PEM file`;
      throw invalidSetting(setting, `${value}: nothing is encrypted without ${VARIABLES.ca.setting}: ${remedy}`);
    }
    return undefined;
  }
  const given = {
    ca: ca === SYSTEM ? undefined : read(VARIABLES.ca),
    serverName: process.env[VARIABLES.serverName.setting] || undefined,
    clientCertificate: read(VARIABLES.clientCertificate),
    clientKey: read(VARIABLES.clientKey),
  };
  const origins = Object.entries(VARIABLES).map(([name, variable]) => {
    return [name, { ...variable, file: process.env[variable.setting] }];
  });
  return checkedTls(given, Object.fromEntries(origins));
}

/**
 * The content of the file that a variable names, if it does.
 * @param {{ setting: string, remedy: string }} variable
 */
function read({ setting, remedy }) {
  const path = process.env[setting];
  if (!path) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const { errno = 0, message } = /** @type {NodeJS.ErrnoException} */ (error);
    const [, why] = getSystemErrorMap().get(errno) ?? ['', message];
    throw invalidSetting(setting, `${path}: ${why}: ${remedy}`, error);
  }
}
