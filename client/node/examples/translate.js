// A picture from a picture.
import { readFile, writeFile } from 'node:fs/promises';
import { Client } from 'pixelzoo';
import { choice, commandLine, ofFamily, run } from './run.js';

const USAGE = `translate.js MODEL PICTURE [--direction a_to_b|b_to_a] [--strength 0..1] [--class NAME|NUMBER]
                    [--seed SEED] [-o FILE.png]`;

const { words, values } = commandLine(USAGE, ['direction', 'strength', 'class', 'seed', 'o'], 2);
const [model, from] = words;
const { seed, class: labels, o: out = 'translated.png' } = values;
// The first is for models of two domains, the second for diffusion models.
const options = {
  ...ofFamily('adversarial', { direction: choice('DIRECTION', values.direction) }),
  ...ofFamily('diffusion', { strength: values.strength && Number(values.strength) }),
};

await run(async (signal) => {
  const client = Client.fromEnv();
  const [picture] = await client.translate(model, await readFile(from), { seed, labels, options }, { signal });
  await writeFile(out, picture.file);
  console.log(`${out}: ${picture.width}x${picture.height}`);
  client.close();
});
