import { createBackend } from '@coatcheck/db';

// A process that clears a table once, as `coatcheck clearsessions` does, and tells what it took. Argument: the settings.
// Any message ends it early.

const MEBIBYTE = 2 ** 20;
const backend = createBackend(JSON.parse(process.argv[2] ?? '{}'));
// Opens the connection.
await backend.clearExpired({ expiresAt: new Date(0) });

const controller = new AbortController();
process.once('message', () => controller.abort());
const steps: number[] = [];
const memory: number[] = [];
const start = performance.now();
let last = start;
const removed = await backend.clearExpired({
  signal: controller.signal,
  onProgress() {
    const now = performance.now();
    steps.push(now - last);
    last = now;
    memory.push(process.memoryUsage.rss());
  },
});
const ms = performance.now() - start;
await backend.close();

const ordered = steps.toSorted((a, b) => a - b);
const early = memory.slice(0, Math.ceil(memory.length / 4));
const result: ClearingResult = {
  removed,
  ms,
  steps: steps.length,
  medianStepMs: ordered[Math.floor(steps.length / 2)] ?? 0,
  p99StepMs: ordered[Math.floor(steps.length * 0.99)] ?? 0,
  longestStepMs: ordered.at(-1) ?? 0,
  memoryEarlyMiB: Math.max(0, ...early) / MEBIBYTE,
  memoryMostMiB: memory.reduce((most, bytes) => Math.max(most, bytes), 0) / MEBIBYTE,
};
process.send?.(result, () => process.disconnect());

/** What a clearing took. */
export interface ClearingResult {
  readonly removed: number;
  readonly ms: number;
  readonly steps: number;
  readonly medianStepMs: number;
  readonly p99StepMs: number;
  /** Longer than any transaction of the clearing, and so than what kept others from writing. */
  readonly longestStepMs: number;
  /** The most memory that the process had during the first quarter of its steps, and during all. */
  readonly memoryEarlyMiB: number;
  readonly memoryMostMiB: number;
}
