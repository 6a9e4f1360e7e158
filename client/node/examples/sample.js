// New pictures, with progress.
import { writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { Client } from 'pixelzoo';
import { choice, commandLine, ofFamily, run } from './run.js';

const USAGE = `sample.js MODEL [-n COUNT] [--seed SEED] [--class NAME|NUMBER] [--sampler ddpm|ddim|dpm_solver_pp_2m]
                 [--steps STEPS] [--guidance STRENGTH] [-o FILE.png]`;
const OPTIONS = ['n', 'seed', 'class', 'sampler', 'steps', 'guidance', 'o'];

const { words, values } = commandLine(USAGE, OPTIONS, 1);
const [model] = words;
// Decimal strings are whole numbers of requests too, and what is no number is refused; a label may be a class's name.
const { n: count = '1', seed, class: labels, steps, o: out = 'sample.png' } = values;
const sampler = choice('SAMPLER', values.sampler);
const guidance = values.guidance && Number(values.guidance);
const options = ofFamily('diffusion', { sampler, steps, guidance }); // Only diffusion models have these.

await run(async (signal) => {
  const client = Client.fromEnv();
  const files = [];
  for await (const event of client.streamSample(model, { count, seed, labels, options }, { signal })) {
    if (event.kind === 'progress') {
      process.stderr.write(`\r${event.step} of ${event.steps} steps`);
    } else if (event.kind === 'picture') {
      const { dir, name, ext } = parse(out);
      const file = Number(count) === 1 ? out : join(dir, `${name}-${event.picture.index}${ext}`);
      await writeFile(file, event.picture.file);
      files.push(`${file}: seed ${event.picture.seed}`);
    }
  }
  console.error();
  console.log(files.join('\n'));
  client.close();
});
