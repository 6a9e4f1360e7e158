/** Whom the client trusts, what the server must be called, and who the client says it is. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { invalidSetting, shown } from './errors.js';
import { settings } from './settings.js';

/**
 * @typedef {object} Tls
 * @property {Uint8Array | string} [ca] PEM text of the authorities to trust. Without it Node's own are trusted, and
 *   those of the file NODE_EXTRA_CA_CERTS; or those of GRPC_DEFAULT_SSL_ROOTS_FILE_PATH instead.
 * @property {string} [serverName] the name in the server's certificate, where the address is another.
 * @property {Uint8Array | string} [clientCertificate] PEM text of the client's own certificate, for servers that ask.
 * @property {Uint8Array | string} [clientKey] PEM text of its key, without a password.
 */
/**
 * Where something was said; `file` is empty in code, and `remedy` is what to do if it cannot be.
 * @typedef {{ setting: string, file: string, remedy: string }} Origin
 */

const BEGIN = '-----BEGIN CERTIFICATE-----';

const KNOWN = /** @type {const} */ (['ca', 'serverName', 'clientCertificate', 'clientKey']);

/** @type {Record<keyof Tls, Origin>} */
const ARGUMENTS = {
  ca: { setting: 'tls.ca', file: '', remedy: 'give the authorities in PEM' },
  serverName: { setting: 'tls.serverName', file: '', remedy: "give the one in the server's certificate" },
  clientCertificate: { setting: 'tls.clientCertificate', file: '', remedy: 'give the certificate in PEM' },
  clientKey: { setting: 'tls.clientKey', file: '', remedy: 'give the key in PEM, without a password' },
};

/**
 * The settings of `tls`; undefined for a connection in the clear.
 * @param {boolean | Tls | null | undefined} tls
 * @param {Record<keyof Tls, Origin>} [origins] for errors
 * @returns {Tls | undefined}
 * @throws {import('./errors.js').ZooError} INVALID_SETTING
 */
export function checkedTls(tls, origins = ARGUMENTS) {
  if (tls === undefined || tls === null || tls === false) return undefined;
  const given = tls === true ? {} : /** @type {Tls} */ (settings(tls, [...KNOWN], 'tls', 'tls.'));
  const { ca, serverName, clientCertificate, clientKey } = given;
  if (isSaid(ca)) certificates(ca, origins.ca);
  if (isSaid(serverName) && (typeof serverName !== 'string' || !/^[A-Za-z0-9._:-]+$/.test(serverName))) {
    const name = typeof serverName === 'string' ? serverName : shown(serverName);
    throw refused({ ...origins.serverName, file: name }, 'is no host name');
  }
  if (isSaid(clientCertificate) !== isSaid(clientKey)) {
    const { clientCertificate: one, clientKey: other } = origins;
    const [said, lacks, missing] = isSaid(clientKey) ? [other, 'certificate', one] : [one, 'key', other];
    throw refused({ ...said, remedy: `set ${missing.setting} too` }, `has no ${lacks} beside it`);
  }
  if (isSaid(clientCertificate) && isSaid(clientKey)) {
    const [certificate] = certificates(clientCertificate, origins.clientCertificate);
    const key = privateKey(clientKey, origins.clientKey);
    if (!certificate.checkPrivateKey(key)) throw refused(origins.clientKey, 'is not the key of the certificate');
  }
  return given;
}

/**
 * The token, if there is one; an empty one is none.
 * @param {unknown} token
 * @param {string} [setting] for errors
 * @returns {string}
 */
export function checkedToken(token, setting = 'token') {
  if (token === undefined || token === null) return '';
  if (typeof token === 'string' && /^[!-~]*$/.test(token)) return token;
  // Its value stays out of the message, which many see.
  throw invalidSetting(setting, "has characters that no token has: give the one that the server's operator gave");
}

/** @param {Tls} tls that has been checked */
export function credentials({ ca, clientCertificate, clientKey }) {
  const texts = [ca, clientKey, clientCertificate].map((pem) => (isSaid(pem) ? Buffer.from(pem) : null));
  try {
    return grpc.credentials.createSsl(...texts);
  } catch (error) {
    throw invalidSetting('tls', `${/** @type {Error} */ (error).message}: give what OpenSSL can read`, error);
  }
}

/**
 * Every one of them, as OpenSSL leaves out what follows the first that it cannot read.
 * @param {unknown} pem
 * @param {Origin} origin
 */
function certificates(pem, origin) {
  const found = text(pem, origin).split(BEGIN).slice(1);
  if (!found.length) throw refused(origin, 'has no PEM certificate');
  try {
    return found.map((rest) => new X509Certificate(BEGIN + rest));
  } catch (error) {
    throw refused(origin, 'has a certificate that cannot be read', error);
  }
}

/**
 * @param {unknown} pem
 * @param {Origin} origin
 */
function privateKey(pem, origin) {
  const given = text(pem, origin);
  try {
    return createPrivateKey(given);
  } catch (error) {
    throw refused(origin, 'cannot be read as a key', error);
  }
}

/**
 * @param {unknown} pem
 * @param {Origin} origin
 */
function text(pem, origin) {
  if (typeof pem === 'string') return pem;
  if (pem instanceof Uint8Array) return Buffer.from(pem).toString('latin1');
  throw refused({ ...origin, remedy: 'give PEM as a string or a Buffer' }, 'is no text');
}

/**
 * @template Value
 * @param {Value | null | undefined} value
 * @returns {value is Value}
 */
function isSaid(value) {
  return value !== undefined && value !== null;
}

/**
 * @param {Origin} origin
 * @param {string} rule
 * @param {unknown} [cause]
 */
function refused({ setting, file, remedy }, rule, cause) {
  return invalidSetting(setting, `${file && `${file}: `}${rule}: ${remedy}`, cause);
}
