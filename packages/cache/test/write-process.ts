import { redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';

// Sets as many keys of one session as a hundred requests at once would, as a process of its own.
const [url = '', keyPrefix = '', sessionKey = '', secretKey = '', first = '', count = ''] =
  process.argv.slice(2);
const sessions = createSessions({
  backend: redisBackend({ url, keyPrefix }),
  secretKey,
  // What is tested is that nothing is lost, however busy the machine is.
  operationTimeoutMs: 30_000,
});
while (!(await sessions.exists(sessionKey).catch(() => false)));

async function write(number: number): Promise<void> {
  const session = sessions.open(sessionKey);
  await session.load();
  session.set(`key ${number}`, number);
  await session.save();
}

await Promise.all(Array.from({ length: Number(count) }, (_, i) => write(Number(first) + i)));
await sessions.close();
