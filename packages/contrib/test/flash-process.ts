import { redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { add, take } from '../src/flash.ts';

// Adds messages to one session and shows what it finds, as the requests of a process of its own. Writes what it
// showed, as JSON: a file or a Redis with its key prefix, session key, secret, name, messages, processes.
const [place = '', sessionKey = '', secretKey = '', name = '', count = '', processes = ''] =
  process.argv.slice(2);
// What is tested is that nothing is lost, however busy the machine is.
const operationTimeoutMs = 30_000;
const [url = '', keyPrefix] = place.split('#');
const backend =
  keyPrefix === undefined
    ? sqliteBackend({ path: url, busyTimeoutMs: 29_000 })
    : redisBackend({ url, keyPrefix });
const sessions = createSessions<{ started: number }>({ backend, secretKey, operationTimeoutMs });
const shown: string[] = [];

async function open() {
  const session = sessions.open(sessionKey);
  await session.load();
  return session;
}

const start = await open();
start.change('started', (n) => (n ?? 0) + 1);
await start.save();
while (Number((await open()).get('started')) < Number(processes));

await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    // Not all at once, so that the processes meet what the others wrote.
    for (let turn = 0; turn < i; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const session = await open();
    add(session, 'info', `${name} ${i}`);
    await session.save();
    for (const { text } of await take(await open())) shown.push(text);
  }),
);
await sessions.close();
process.stdout.write(JSON.stringify(shown));
