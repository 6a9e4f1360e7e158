/** The address of a server. */
import { isIPv4 } from 'node:net';
import { invalidSetting, shown } from './errors.js';

const SCHEME = /^(dns|ipv4|ipv6|unix|unix-abstract|xds):/;
const ADDRESS = /^(?:\[[^/[\]\s]+\]|[^/:[\]\s]+):(\d{1,5})$/;

/**
 * "host:port", with an IPv6 address in brackets; or an address by one of gRPC's schemes, such as "unix:".
 * @param {unknown} target
 * @param {string} [setting] for errors
 * @returns {string}
 * @throws {import('./errors.js').ZooError} INVALID_SETTING
 */
export function checkedTarget(target, setting = 'target') {
  if (typeof target === 'string') {
    const port = Number(ADDRESS.exec(target)?.[1]);
    if (SCHEME.test(target) || (port >= 1 && port <= 65_535)) return target;
  }
  const given = typeof target === 'string' ? target : shown(target);
  throw invalidSetting(setting, `${given}: must be host:port, with a port from 1 to 65535`);
}

/**
 * Whether every "host:port" is on this machine; unix sockets are.
 * @param {string} target
 */
export function isLoopback(target) {
  if (/^unix(-abstract)?:/.test(target)) return true;
  const addresses = target.replace(/^(dns:\/\/\/|ipv4:|ipv6:)/, '').split(',');
  return addresses.every((address) => {
    const [, host = ''] = /^(localhost|\[::1\]|[\d.]+):\d+$/.exec(address) ?? [];
    return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
  });
}
