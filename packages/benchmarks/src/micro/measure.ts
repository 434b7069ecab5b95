import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { quantile } from '../statistics.ts';

/** What one operation costs this process. */
export interface Cost {
  /** CPU, user and system: the median of the rounds. */
  readonly micros: number;
  /** What it allocates on the JavaScript heap. */
  readonly bytes: number;
}

/** An operation; it is told how many there were before it. */
export type Run = (i: number) => unknown;

const ROUNDS = 7;
const ALLOCATING = 100;

setFlagsFromString('--expose-gc');
/** Collects all garbage. */
export const collect = runInNewContext('gc') as () => void;

/** Runs it until it is compiled, then in rounds. @param atOnce how many of them are under way at the same time. */
export async function measure(run: Run, count: number, atOnce = 1): Promise<Cost> {
  let done = 0;
  const repeat = async (times: number): Promise<void> => {
    const end = done + times;
    const work = async (): Promise<void> => {
      while (done < end) await run(done++);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  };
  await repeat(count);
  const micros: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    await repeat(count);
    const { user, system } = process.cpuUsage(before);
    micros.push((user + system) / count);
  }
  const bytes: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    collect();
    const before = process.memoryUsage().heapUsed;
    await repeat(ALLOCATING);
    // Few enough that nothing is collected meanwhile.
    bytes.push((process.memoryUsage().heapUsed - before) / ALLOCATING);
  }
  return { micros: quantile(micros, 0.5), bytes: quantile(bytes, 0.5) };
}
