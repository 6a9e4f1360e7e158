// What a model thinks of pictures: node examples/score.js MODEL PICTURE...
import { readFile } from 'node:fs/promises';
import { Client } from 'pixelzoo';
import { run } from './run.js';

const [model, ...files] = process.argv.slice(2);
if (!files.length) {
  console.error('usage: score.js MODEL PICTURE...');
  process.exit(2);
}

await run(async (signal) => {
  const client = Client.fromEnv();
  const pictures = await Promise.all(files.map((file) => readFile(file)));
  for (const { index, values } of await client.score(model, pictures, {}, { signal })) {
    for (const { name, value, unit } of values) console.log(`${files[index]}: ${name} ${value.toFixed(3)} ${unit}`);
  }
  client.close();
});
