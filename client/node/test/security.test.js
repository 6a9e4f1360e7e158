// TLS and tokens, against a server that wants both: PIXELZOO_TLS_SERVER.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, ZooError } from 'pixelzoo';
import { setting } from './server.js';

const target = setting('PIXELZOO_TLS_SERVER');
const ca = setting('PIXELZOO_CA_FILE');
const token = setting('PIXELZOO_TOKEN');
const mutual = setting('PIXELZOO_MTLS_SERVER');
const certificate = setting('PIXELZOO_MTLS_CERTIFICATE');
const key = setting('PIXELZOO_MTLS_KEY');

const folder = mkdtempSync(join(tmpdir(), 'pixelzoo-'));
after(() => rmSync(folder, { recursive: true }));

/**
 * Sets the variables that Client.fromEnv reads, and no others of them.
 * @param {Record<string, string>} values
 */
function environment(values) {
  for (const name of ['TARGET', 'TLS_CA', 'TLS_SERVER_NAME', 'TLS_CLIENT_CERTIFICATE', 'TLS_CLIENT_KEY', 'TOKEN']) {
    delete process.env[`PIXELZOO_${name}`];
  }
  for (const [name, value] of Object.entries(values)) process.env[`PIXELZOO_${name}`] = value;
}

/** Calls the server that the environment names. @param {Client} [client] */
async function models(client = Client.fromEnv()) {
  try {
    return (await client.models({ timeout: 60_000 })).length;
  } finally {
    client.close();
  }
}

/** The address as an IP address, with which the server may be called if its name is said. @param {string} address */
const byNumber = (address) => address.replace('localhost', '127.0.0.1');

test('a token over TLS opens the server', async () => {
  const client = new Client(target, { tls: { ca: readFileSync(ca) }, token });
  assert.equal((await client.sample('vae_fashion_mnist', { seed: 1 })).length, 1);
  client.close();
});

test('the environment may say it all', async () => {
  environment({ TARGET: target, TLS_CA: ca, TOKEN: token, TLS_SERVER_NAME: '', TLS_CLIENT_KEY: '' });
  assert.equal(await models(), 1);
});

test('the name in the certificate may be said', async () => {
  const said = { TARGET: byNumber(target), TLS_CA: ca, TOKEN: token };
  environment({ ...said, TLS_SERVER_NAME: 'localhost' });
  assert.equal(await models(), 1);
  environment({ ...said, TLS_SERVER_NAME: 'zoo.example' });
  await assert.rejects(models(), { reason: 'SERVER_UNREACHABLE', message: /zoo\.example/ });
  const tls = { ca: readFileSync(ca, 'utf8'), serverName: 'localhost' };
  assert.equal(await models(new Client(byNumber(target), { tls, token })), 1);
});

test('a server that asks for a certificate gets one', async () => {
  environment({ TARGET: mutual, TLS_CA: ca, TLS_CLIENT_CERTIFICATE: certificate, TLS_CLIENT_KEY: key });
  assert.equal(await models(), 1);
  environment({ TARGET: mutual, TLS_CA: ca });
  await assert.rejects(models(), { reason: 'SERVER_UNREACHABLE' });
  const pair = { clientCertificate: readFileSync(certificate), clientKey: readFileSync(key, 'utf8') };
  const tls = { ca: readFileSync(ca), serverName: 'localhost', ...pair };
  assert.equal(await models(new Client(byNumber(mutual), { tls })), 1);
});

// Node reads these variables when it starts, so these are processes of their own.
test('whom Node trusts may be trusted', async () => {
  const program = fileURLToPath(new URL('../examples/sample.js', import.meta.url));
  /** @param {Record<string, string>} more @returns {Promise<string>} what it says in the end */
  const sample = (more) =>
    new Promise((resolve) => {
      const said = { PIXELZOO_TARGET: target, PIXELZOO_TLS_CA: 'system', PIXELZOO_TOKEN: token };
      const command = [program, 'vae_fashion_mnist', '--seed', '3', '-o', join(folder, 'sample.png')];
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: '', GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: '', ...said, ...more };
      execFile(process.execPath, command, { env }, (error, stdout, stderr) => resolve(error ? stderr : stdout));
    });
  environment({});
  assert.match(await sample({}), /^SERVER_UNREACHABLE/);
  assert.match(await sample({ NODE_EXTRA_CA_CERTS: ca }), /sample\.png: seed 3/);
  assert.match(await sample({ GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ca }), /sample\.png: seed 3/);
  assert.match(await sample({ GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: `${ca}.none` }), /^INVALID_SETTING: tls: ENOENT/);
});

test('variables that cannot be are refused', () => {
  const [none, damaged] = [join(folder, 'none.pem'), join(folder, 'damaged.pem')];
  writeFileSync(damaged, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n');
  const pair = { TLS_CLIENT_CERTIFICATE: certificate, TLS_CLIENT_KEY: key };
  /** @type {[Record<string, string>, string, string][]} */
  const wrong = [
    [{ TLS_CA: none }, 'TLS_CA', `${none}: no such file or directory: name a PEM file`],
    [{ TLS_CA: folder }, 'TLS_CA', `${folder}: illegal operation on a directory: `],
    [{ TLS_CA: key }, 'TLS_CA', `${key}: has no PEM certificate: name a PEM file`],
    [{ TLS_CA: damaged }, 'TLS_CA', `${damaged}: has a certificate that cannot be read: name a`],
    [{ TLS_CA: 'System' }, 'TLS_CA', 'System: no such file or directory: '],
    [{ TLS_SERVER_NAME: 'zoo.example' }, 'TLS_SERVER_NAME', 'zoo.example: nothing is encrypted without'],
    [pair, 'TLS_CLIENT_CERTIFICATE', `${certificate}: nothing is encrypted without PIXELZOO_TLS_CA: `],
    [{ TLS_CLIENT_KEY: key }, 'TLS_CLIENT_KEY', `${key}: nothing is encrypted without`],
    [{ TLS_CA: ca, TLS_CLIENT_KEY: key }, 'TLS_CLIENT_KEY', `${key}: has no certificate beside it: set PIXELZOO_TLS_`],
    [{ TLS_CA: ca, TLS_CLIENT_CERTIFICATE: ca }, 'TLS_CLIENT_CERTIFICATE', `${ca}: has no key beside it: set PIXEL`],
    [{ TLS_CA: 'system', ...pair, TLS_CLIENT_KEY: none }, 'TLS_CLIENT_KEY', `${none}: no such file or directory: `],
    [{ TLS_CA: ca, ...pair, TLS_CLIENT_KEY: damaged }, 'TLS_CLIENT_KEY', `${damaged}: cannot be read as a key: `],
    [{ TLS_CA: ca, ...pair, TLS_CLIENT_CERTIFICATE: ca }, 'TLS_CLIENT_KEY', `${key}: is not the key of the cert`],
    [{ TLS_CA: ca, TLS_SERVER_NAME: 'a b' }, 'TLS_SERVER_NAME', 'a b: is no host name: '],
    [{ TOKEN: 'pxz_a\nb' }, 'TOKEN', 'has characters that no token has: '],
  ];
  for (const [values, variable, rule] of wrong) {
    environment(values);
    assert.throws(() => Client.fromEnv(), (error) => {
      assert(error instanceof ZooError, String(error));
      assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'INVALID_SETTING']);
      assert.equal(error.message.slice(0, rule.length + variable.length + 11), `PIXELZOO_${variable}: ${rule}`);
      return true;
    });
  }
});

test('a target is a host with a port', () => {
  const noPorts = ['', 'zoo.example', 'zoo.example:', 'zoo.example:0', 'zoo.example:65536', 'zoo.example:http'];
  for (const wrong of [...noPorts, ':1', '::1:1', '[::1]', 'http://zoo.example:1', 'zoo.example:1/x', 'a b:1']) {
    const message = `target: ${wrong}: must be host:port, with a port from 1 to 65535`;
    assert.throws(() => new Client(wrong), { reason: 'INVALID_SETTING', message, metadata: { setting: 'target' } });
  }
  for (const right of ['zoo.example:65535', '[2001:db8::1]:1', 'dns:///zoo.example', 'unix:///run/zoo.sock']) {
    new Client(right).close();
  }
});

test('without the token, or with another, calls are refused', async () => {
  for (const wrong of [undefined, 'pxz_wrong']) {
    const client = new Client(target, { tls: { ca: readFileSync(ca) }, token: wrong });
    await assert.rejects(client.models(), { code: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED' });
    client.close();
  }
});

test('a server whose authority is not trusted gets nothing', async () => {
  const client = new Client(target, { tls: true, token });
  await assert.rejects(client.models({ timeout: 20_000 }), { code: 'UNAVAILABLE' });
  client.close();
});

test('a token never goes in the clear to another machine', () => {
  const foreign = ['zoo.example:50051', '192.168.1.2:1', 'dns:///zoo.example:1', 'localhost.evil:1'];
  const disguised = ['dns://192.168.1.2/localhost:1', 'dns:///127.0.0.1', 'ipv4:127.0.0.1:1,192.168.1.2:1'];
  for (const far of [...foreign, ...disguised, '127.0.0.1.evil.example:1', '127.evil.example:1']) {
    assert.throws(() => new Client(far, { token }), { code: 'UNAUTHENTICATED', reason: 'INSECURE_TOKEN' });
    new Client(far, { token, tls: true }).close();
  }
  const near = ['localhost:1', '127.0.0.1:1', '127.9.8.7:1', '[::1]:1', 'dns:///localhost:1', 'unix:/tmp/socket'];
  for (const one of [...near, 'ipv4:127.0.0.1:1,127.0.0.2:1', 'ipv6:[::1]:1']) new Client(one, { token }).close();
});
