// New pictures, with progress: node examples/sample.js [MODEL] [--count N] [--seed N] [--label N] [--out FILE]
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
  const wanted = {
    count: Number(values.count),
    seed: values.seed === undefined ? undefined : BigInt(values.seed),
    labels: values.label === undefined ? [] : Number(values.label),
  };
  const files = [];
  for await (const event of client.streamSample(model, wanted, { signal })) {
    if (event.kind === 'progress') {
      process.stderr.write(`\r${event.step} of ${event.steps} steps`);
    } else if (event.kind === 'picture') {
      const { dir, name } = parse(values.out);
      const file = wanted.count === 1 ? values.out : join(dir, `${name}-${event.picture.index}.png`);
      await writeFile(file, event.picture.file);
      files.push(`${file}: seed ${event.picture.seed}`);
    }
  }
  console.error();
  console.log(files.join('\n'));
  client.close();
});
