import { exitCodes } from './command-error.ts';

/** Ends the process as soon as nobody reads what it writes any more, as SIGPIPE ends other programs, which Node ignores. */
export function endWithReader(output: NodeJS.WriteStream): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCodes.closedPipe);
  });
}
