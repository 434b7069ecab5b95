import { createBackend } from '@coatcheck/cached-db';
import { createSessions } from '@coatcheck/core';
import { createBackend as createDatabase } from '@coatcheck/db';

// Sets entries of one session, as many requests of a process of its own would.
const [
  databaseUrl = '',
  url = '',
  keyPrefix = '',
  secretKey = '',
  key = '',
  name = '',
  count = '',
] = process.argv.slice(2);
const sessions = createSessions<Record<string, unknown>>({
  // What is measured is who wins, not how fast the machine is.
  backend: createBackend({
    database: createDatabase({ url: databaseUrl, busyTimeoutMs: 29_000, synchronous: 'NORMAL' }),
    url,
    keyPrefix,
  }),
  operationTimeoutMs: 30_000,
  secretKey,
});

await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    // They come over half a second, so that every process meets what the others wrote.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
    const session = sessions.open(key);
    await session.load();
    session.set(`${name}-${i}`, i);
    session.change('count', (n) => Number(n ?? 0) + 1);
    await session.save();
  }),
);
await sessions.close();
