// Copies the protos into the package, and writes the types of their messages.
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const protos = join(folder, 'protos');
const generated = join(folder, 'generated');
for (const old of [protos, generated]) rmSync(old, { recursive: true, force: true });

const isProto = (/** @type {string} */ path) => !/\.[^./\\]+$/.test(path) || path.endsWith('.proto');
cpSync(join(folder, '../../protos/pixelzoo'), join(protos, 'pixelzoo'), { recursive: true, filter: isProto });

const loader = createRequire(import.meta.url).resolve('@grpc/proto-loader/package.json');
const options = ['--longs', 'String', '--enums', 'String', '--defaults', '--oneofs', '--grpcLib', '@grpc/grpc-js'];
// The files say where their protos are: by paths from here, so that they are the same in any folder.
const places = ['--importFileExtension', '.js', '--includeDirs', 'protos', '--outDir', generated];
const services = readdirSync(join(protos, 'pixelzoo/v1')).filter((name) => name.endsWith('_service.proto'));
const program = join(dirname(loader), 'build/bin/proto-loader-gen-types.js');
const command = [program, ...options, ...places, ...services.map((name) => `pixelzoo/v1/${name}`)];
execFileSync(process.execPath, command, { cwd: folder });
