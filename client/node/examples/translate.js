// A picture from a picture: node examples/translate.js MODEL PICTURE OUT
import { readFile, writeFile } from 'node:fs/promises';
import { Client } from 'pixelzoo';
import { run } from './run.js';

const [model, from, to] = process.argv.slice(2);
if (!to) {
  console.error('usage: translate.js MODEL PICTURE OUT');
  process.exit(2);
}

await run(async (signal) => {
  const client = Client.fromEnv();
  const [picture] = await client.translate(model, await readFile(from), {}, { signal });
  await writeFile(to, picture.file);
  console.log(`${to}: ${picture.width}x${picture.height}`);
  client.close();
});
