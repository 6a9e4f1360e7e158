// What the programs have in common: Ctrl-C ends the call, and with it the server's work; errors say what to do.
import { ZooError } from 'pixelzoo';

/** @param {(signal: AbortSignal) => Promise<void>} program */
export async function run(program) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    await program(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) console.error('\nstopped');
    else if (error instanceof ZooError) console.error(`${error.reason}: ${error.message}`);
    else throw error;
    process.exit(1);
  }
}
