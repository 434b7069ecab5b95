import { type CachedDbConfiguration, createBackend } from '@coatcheck/cached-db';
import { createSessions, type Sessions, type SessionsOptions } from '@coatcheck/core';
import { afterEach } from '@jest/globals';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import type { Table } from './databases.ts';

export type Entries = Record<string, unknown>;

/** Sessions on a handle of their own, as another process has them. */
export type Open = (
  table: Table,
  options?: Omit<CachedDbConfiguration, 'database'>,
  settings?: Partial<SessionsOptions>,
) => Sessions<Entries>;

/** What opens handles; they are closed after each test. */
export function useHandles(): Open {
  const opened: Sessions<Entries>[] = [];
  afterEach(async () => {
    for (const sessions of opened.splice(0)) await sessions.close();
  });
  return (table, options = {}, settings = {}) => {
    const sessions = createSessions<Entries>({
      backend: createBackend({ database: table.open({ busyTimeoutMs: 29_000 }), ...options }),
      secretKey: SECRET_KEY,
      operationTimeoutMs: 30_000,
      ...settings,
    });
    opened.push(sessions);
    return sessions;
  };
}

/** A new session with this entry; its key. */
export async function write(sessions: Sessions<Entries>, name: string, value: unknown) {
  const session = sessions.open();
  session.set(name, value);
  await session.save();
  return String(session.sessionKey);
}

/** What the session under the key holds. */
export async function read(sessions: Sessions<Entries>, key: string): Promise<Entries> {
  const session = sessions.open(key);
  await session.load();
  return Object.fromEntries(session.entries());
}

/** A request that sets an entry of an existing session. */
export async function set(sessions: Sessions<Entries>, key: string, name: string, value: unknown) {
  const session = sessions.open(key);
  await session.load();
  session.set(name, value);
  await session.save();
}
