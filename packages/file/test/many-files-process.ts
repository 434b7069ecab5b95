import { readdirSync } from 'node:fs';
import { load, openSessions, store } from './sessions.ts';

// Runs out of file descriptors, as a process that may open only a few, though enough for Node to load it: directory. Says on stdout how it went.
const [directory = ''] = process.argv.slice(2);
const sessions = openSessions(directory);
const key = await store(sessions, { a: 1 });

const write = async (i: number): Promise<void> => {
  await store(sessions, { i });
};
const read = async (): Promise<void> => {
  if ((await load(sessions, key)).get('a') !== 1) throw new Error('A wrong session was read.');
};
const outcomes = await Promise.allSettled(
  Array.from({ length: 300 }, (_, i) => (i % 2 ? write(i) : read())),
);
const codes = outcomes.map((outcome) =>
  outcome.status === 'fulfilled' ? 'done' : String(outcome.reason.cause?.code ?? outcome.reason),
);
// Five reads in a row without a descriptor open the circuit breaker, which tries again after a tenth of a second.
for (const end = performance.now() + 5000; ; ) {
  try {
    await read();
    break;
  } catch (error) {
    if (performance.now() > end) throw error;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
await write(0);
const temporary = readdirSync(directory).filter((name) => name.includes('_'));
process.stdout.write(JSON.stringify({ codes: [...new Set(codes)].sort(), temporary }));
await sessions.close();
