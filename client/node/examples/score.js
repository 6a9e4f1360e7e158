// How likely, or how good, a model holds pictures to be.
import { readFile } from 'node:fs/promises';
import { Client } from 'pixelzoo';
import { commandLine, run } from './run.js';

const { words, values } = commandLine('score.js MODEL PICTURE... [--class NAME|NUMBER]', ['class'], 2, Infinity);
const [model, ...files] = words;
const wanted = { labels: values.class };

await run(async (signal) => {
  const client = Client.fromEnv();
  const pictures = await Promise.all(files.map((file) => readFile(file)));
  for (const { index, values } of await client.score(model, pictures, wanted, { signal })) {
    for (const { name, value, unit } of values) console.log(`${files[index]}: ${name} ${value.toFixed(3)} ${unit}`);
  }
  client.close();
});
