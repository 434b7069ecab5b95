import { channel } from 'node:diagnostics_channel';
import { parseArgs } from 'node:util';
import { createSessions, type Sessions } from '@coatcheck/core';
import { describeMachine } from '../machine.ts';
import { measureAccounts } from './accounts.ts';
import { measureCopy } from './copying.ts';
import { openings } from './sizing-place.ts';

// `npm run bench:sizing -- [place…] [accounts] [copy] [--sessions n]`: what docs/operations.md says of sizes.

const AT_ONCE = 64;
const REQUESTS = 10_000;

interface Shop {
  readonly user: string;
  readonly cart: { readonly id: number; readonly title: string; readonly count: number }[];
  n: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sessions: { type: 'string' } },
});
const isWanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
const { date, cpu, cores, node, commit } = describeMachine([], new Date());
console.log(`${date}, ${cpu}, ${cores} cores, Node ${node}, ${commit}`);
for (const name of Object.keys(openings)) {
  if (isWanted(name)) await measurePlace(name, Number(values.sessions ?? 20_000));
}
if (isWanted('accounts')) await measureAccounts(Number(values.sessions ?? 1_000_000));
if (isWanted('copy')) await measureCopy(Number(values.sessions ?? 100_000));

async function measurePlace(name: string, count: number): Promise<void> {
  const place = await openings[name]?.();
  if (!place) return;
  const sessions = createSessions<Shop>({
    backend: place.backend,
    secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
    operationTimeoutMs: 30_000,
  });
  try {
    await sessions.exists('a'.repeat(32));
    const before = await place.bytes();
    const keys: string[] = [];
    const created = await perSecond(count, async (n) => {
      keys.push(await create(sessions, n));
    });
    const bytes = ((await place.bytes()) - before) / count;
    const of = (n: number): string => keys[(n * 7919) % keys.length] ?? '';
    const read = await perSecond(REQUESTS, async (n) => {
      const session = sessions.open(of(n));
      await session.load();
      session.get('user');
    });
    const written = await perSecond(REQUESTS, async (n) => {
      const session = sessions.open(of(n));
      await session.load();
      session.set('n', n);
      await session.save();
    });
    console.log(
      `${place.name}: ${Math.round(bytes)} bytes per session; ${created} created, ${read} read, ${written} read and changed per second; calls ${await calls(sessions, of(0))}`,
    );
    await sessions.close();
  } finally {
    await place.close();
  }
}

/** A login and a cart of three: some 300 bytes of JSON. */
async function create(sessions: Sessions<Shop>, n: number): Promise<string> {
  const session = sessions.open();
  session.update({
    user: `visitor-${n}@example.com`,
    cart: [1, 2, 3].map((id) => ({ id: n + id, title: `A thing that is number ${id}`, count: id })),
    n,
  });
  await session.save();
  return String(session.sessionKey);
}

/** How many calls of the backend a request makes that reads, and one that changes. */
async function calls(sessions: Sessions<Shop>, key: string): Promise<string> {
  let made = 0;
  const count = (): void => {
    made += 1;
  };
  const start = channel('tracing:coatcheck:operation:start');
  start.subscribe(count);
  const session = sessions.open(key);
  await session.load();
  const reading = made;
  session.set('n', -1);
  await session.save();
  start.unsubscribe(count);
  return `${reading} to read, ${made} to read and change`;
}

async function perSecond(count: number, work: (n: number) => Promise<void>): Promise<number> {
  let next = 0;
  const start = performance.now();
  const run = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await work(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return Math.round((count / (performance.now() - start)) * 1000);
}
