/** Whom the client trusts, what the server must be called, and who the client says it is. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { invalidSetting } from './errors.js';
import { settings } from './settings.js';

/**
 * @typedef {object} Tls
 * @property {Uint8Array | string} [ca] PEM text of the authorities to trust. Without it Node's own are trusted, and
 *   those of the file NODE_EXTRA_CA_CERTS; or those of GRPC_DEFAULT_SSL_ROOTS_FILE_PATH instead.
 * @property {string} [serverName] the name in the server's certificate, where the address is another.
 * @property {Uint8Array | string} [clientCertificate] PEM text of the client's own certificate, for servers that ask.
 * @property {Uint8Array | string} [clientKey] PEM text of its key, without a password.
 */
/** @typedef {{ setting: string, file: string }} Origin Where something was said; `file` is empty in code. */

const KNOWN = /** @type {const} */ (['ca', 'serverName', 'clientCertificate', 'clientKey']);

/** @type {Record<keyof Tls, Origin>} */
const ARGUMENTS = {
  ca: { setting: 'tls.ca', file: '' },
  serverName: { setting: 'tls.serverName', file: '' },
  clientCertificate: { setting: 'tls.clientCertificate', file: '' },
  clientKey: { setting: 'tls.clientKey', file: '' },
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
  if (isSaid(ca)) certificates(ca, origins.ca, 'give the authorities in PEM');
  if (isSaid(serverName) && (typeof serverName !== 'string' || !/^[!-~]+$/.test(serverName))) {
    throw refused(origins.serverName, "it is no name: give the one in the server's certificate");
  }
  if (isSaid(clientCertificate) !== isSaid(clientKey)) {
    const [has, lacks] = isSaid(clientKey) ? ['clientKey', 'clientCertificate'] : ['clientCertificate', 'clientKey'];
    const missing = origins[/** @type {keyof Tls} */ (lacks)].setting;
    throw refused(origins[/** @type {keyof Tls} */ (has)], `it is of no use alone: set ${missing} too`);
  }
  if (isSaid(clientCertificate) && isSaid(clientKey)) {
    const [certificate] = certificates(clientCertificate, origins.clientCertificate, 'give the certificate in PEM');
    const remedy = 'give the key of the certificate in PEM, without a password';
    const key = parsed(() => createPrivateKey(text(clientKey, origins.clientKey)), origins.clientKey, remedy);
    if (!certificate.checkPrivateKey(key)) {
      throw refused(origins.clientKey, `it is not the key of ${origins.clientCertificate.setting}: ${remedy}`);
    }
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
  throw invalidSetting(setting, "no header can carry it: give the string that the server's operator gave");
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
 * @param {unknown} pem
 * @param {Origin} origin
 * @param {string} remedy
 */
function certificates(pem, origin, remedy) {
  const found = text(pem, origin).match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g);
  if (!found) throw refused(origin, `it has no PEM certificate: ${remedy}`);
  return parsed(() => found.map((one) => new X509Certificate(one)), origin, remedy);
}

/**
 * @template Value
 * @param {() => Value} parse
 * @param {Origin} origin
 * @param {string} remedy
 */
function parsed(parse, origin, remedy) {
  try {
    return parse();
  } catch (error) {
    throw refused(origin, `it cannot be read (${/** @type {Error} */ (error).message}): ${remedy}`, error);
  }
}

/**
 * @param {unknown} pem
 * @param {Origin} origin
 */
function text(pem, origin) {
  if (typeof pem === 'string') return pem;
  if (pem instanceof Uint8Array) return Buffer.from(pem).toString('latin1');
  throw refused(origin, 'it is no text: give PEM as a string or a Buffer');
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
function refused({ setting, file }, rule, cause) {
  return invalidSetting(setting, file ? `${file}: ${rule}` : rule, cause);
}
