// What the programs have in common: their command lines; Ctrl-C ends the call, and with it the server's work; errors
// say what to do.
import { parseArgs } from 'node:util';
import { ZooError } from 'pixelzoo';

/**
 * The words and the options of the command line. The program ends with its usage if that is asked for, status 0, and
 * where the command line is wrong, status 2.
 * @param {string} usage
 * @param {string[]} names of the options, which take a value each; a single letter has a single dash
 * @param {number} least words
 * @param {number} [most] words
 */
export function commandLine(usage, names, least, most = least) {
  try {
    const { positionals: words, values } = parsed(names);
    if (values.help) {
      console.log(`usage: ${usage}`);
      process.exit(0);
    }
    if (words.length < least) throw new Error('too few arguments');
    if (words.length > most) throw new Error('too many arguments');
    return { words, values: /** @type {Record<string, string | undefined>} */ (values) };
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\nusage: ${usage}`);
    process.exit(2);
  }
}

/** @param {string[]} names */
function parsed(names) {
  /** @type {import('node:util').ParseArgsConfig['options']} */
  const options = { help: { type: 'boolean', short: 'h' } };
  for (const name of names) options[name] = { type: 'string', ...(name.length === 1 && { short: name }) };
  return parseArgs({ allowPositionals: true, options });
}

/**
 * The name of an enumerator by its end, in any case: SAMPLER_DDIM for "ddim".
 * @param {string} prefix
 * @param {string | undefined} end
 */
export function choice(prefix, end) {
  return end && `${prefix}_${end.toUpperCase()}`;
}

/**
 * The options of a family, unless none of them is set.
 * @param {string} family
 * @param {Record<string, unknown>} options
 */
export function ofFamily(family, options) {
  return Object.values(options).some((value) => value !== undefined) ? { [family]: options } : {};
}

/** @param {(signal: AbortSignal) => Promise<void>} program */
export async function run(program) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    await program(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) console.error('\nstopped');
    else if (error instanceof ZooError) console.error(`${error.reason}: ${error.message}`);
    else if (error instanceof Error && 'syscall' in error) console.error(error.message); // Of a file, for example.
    else throw error;
    process.exit(1);
  }
}
