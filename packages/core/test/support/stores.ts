import type { SessionStore, Sessions } from '@coatcheck/core';
import type { Entries } from './sqlite-sessions.ts';

/** A session as tests see it. */
export type Store = SessionStore<Entries>;

/** A new session with these entries; its key. */
export async function start(
  sessions: Sessions<Entries>,
  entries: Entries = { user: 7 },
): Promise<string> {
  const session = sessions.open();
  session.update(entries);
  await session.save();
  return String(session.sessionKey);
}

/** What the session under the key holds now; for places that answer at once. */
export function dataOf(sessions: Sessions<Entries>, key: string | null): Entries {
  return Object.fromEntries(sessions.open(key).entries());
}

/** What the session under the key holds now. */
export async function read(sessions: Sessions<Entries>, key: string): Promise<Entries> {
  const session = sessions.open(key);
  await session.load();
  return Object.fromEntries(session.entries());
}

/** A request that only visits; its Set-Cookie headers. */
export async function visit(
  sessions: Sessions<Entries>,
  key: string,
  handler: (session: Store) => unknown = () => {},
  options = {},
): Promise<string[]> {
  const headers = new Map<string, string | readonly string[]>();
  const http = sessions.openForRequest(
    `sessionid=${key}`,
    {
      headersSent: false,
      getHeader: (name) => headers.get(name),
      setHeader: (name, value) => headers.set(name, value),
    },
    options,
  );
  await http.begin();
  await handler(http.session);
  await http.finish(200);
  return [...(headers.get('Set-Cookie') ?? [])];
}

/** What a login as in Django leaves in a session. */
export const user = (id: string, hash: string) => ({
  _auth_user_id: id,
  _auth_user_backend: 'django.contrib.auth.backends.ModelBackend',
  _auth_user_hash: hash,
});
