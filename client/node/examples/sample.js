// New pictures, with progress: node examples/sample.js [MODEL] [--count N] [--seed N] [--label CLASS] [--out FILE]
import { writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pixelzoo';
import { run } from './run.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '1' },
    seed: { type: 'string' },
    label: { type: 'string' },
    out: { type: 'string', default: 'sample.png' },
  },
});
const [model = 'ddpm_fashion_mnist'] = positionals;

await run(async (signal) => {
  const client = Client.fromEnv();
  // Decimal strings are numbers of requests too, and what is no number is refused; a label may be a class's name.
  const { count, seed, label: labels } = values;
  const files = [];
  for await (const event of client.streamSample(model, { count, seed, labels }, { signal })) {
    if (event.kind === 'progress') {
      process.stderr.write(`\r${event.step} of ${event.steps} steps`);
    } else if (event.kind === 'picture') {
      const { dir, name } = parse(values.out);
      const file = Number(count) === 1 ? values.out : join(dir, `${name}-${event.picture.index}.png`);
      await writeFile(file, event.picture.file);
      files.push(`${file}: seed ${event.picture.seed}`);
    }
  }
  console.error();
  console.log(files.join('\n'));
  client.close();
});
