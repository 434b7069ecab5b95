import { createSessions } from '@coatcheck/core';
import { createBackend } from '@coatcheck/db';

// Sets entries of one session, as many requests of a process of its own: URL, secret, key, name, number of requests.
const [url = '', secretKey = '', key = '', name = '', requests = ''] = process.argv.slice(2);
const sessions = createSessions<Record<string, unknown>>({
  // What is measured is who wins, not how fast the machine is.
  backend: createBackend({ url, timeoutMs: 29_000, busyTimeoutMs: 29_000 }),
  operationTimeoutMs: 30_000,
  secretKey,
});

await Promise.all(
  Array.from({ length: Number(requests) }, async (_, i) => {
    // They come over half a second, so that every process meets what the others wrote.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
    const session = sessions.open(key);
    await session.load();
    session.set(`${name}-${i}`, i);
    session.change('count', (count) => Number(count ?? 0) + 1);
    await session.save();
  }),
);
await sessions.close();
