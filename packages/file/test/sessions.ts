import { createSessions, type SessionsOptions } from '@coatcheck/core';
import { fileBackend } from '@coatcheck/file';

export const secretKey = 'test-only:3kq8Zr!mP0vXy7Lw2Nc9Td5Hb';

/** Sessions in files of this directory, with time enough for a disk that others keep busy. */
export function openSessions(
  path: string,
  options: Partial<Omit<SessionsOptions, 'backend'>> = {},
) {
  return createSessions<Record<string, unknown>>({
    backend: fileBackend({ path, now: options.now }),
    secretKey,
    operationTimeoutMs: 30_000,
    ...options,
  });
}

export type FileSessions = ReturnType<typeof openSessions>;

/** A session of the key, loaded. */
export async function load(sessions: FileSessions, key: string | null) {
  const session = sessions.open(key);
  await session.load();
  return session;
}

/** Stores a session with these entries and returns its key. */
export async function store(
  sessions: FileSessions,
  entries: Record<string, unknown>,
): Promise<string> {
  const session = sessions.open();
  session.update(entries);
  await session.save();
  return String(session.sessionKey);
}
