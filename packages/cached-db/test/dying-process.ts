import { withDjangoCache } from '@coatcheck/cached-db';
import { createSessions, type SessionBackend } from '@coatcheck/core';
import { createBackend } from '@coatcheck/db';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { withHook } from './hooked-backend.ts';

// Sets n to 2, or ends the session, and dies as soon as the row is written.
const [url = '', cacheUrl = '', keyPrefix = '', version = '', key = '', what = ''] =
  process.argv.slice(2);
const database: SessionBackend = withHook(createBackend({ url }), async () => {
  process.kill(process.pid, 'SIGKILL');
});
const sessions = createSessions<Record<string, unknown>>({
  backend: withDjangoCache(database, {
    url: cacheUrl,
    keyPrefix,
    version: Number(version),
    timeoutMs: 10_000,
  }),
  operationTimeoutMs: 30_000,
  secretKey: SECRET_KEY,
});
const session = sessions.open(key);
await session.load();
if (what === 'flush') await session.flush();
session.set('n', 2);
await session.save();
