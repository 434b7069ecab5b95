export type { RunOptions } from './command-context.ts';
export { run } from './run.ts';
