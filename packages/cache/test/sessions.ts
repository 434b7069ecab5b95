import { createSessions, type SessionBackend, type SessionRecord } from '@coatcheck/core';

export const SECRET_KEY = 'a secret of the tests, long enough 0123456789';

/** Saves a session with these values and returns its key. */
export async function writeSession(
  backend: SessionBackend,
  values: Record<string, number>,
): Promise<{ sessionKey: string }> {
  const session = createSessions({ backend, secretKey: SECRET_KEY }).open();
  session.update(values);
  await session.save();
  return { sessionKey: String(session.sessionKey) };
}

/** A record for tests, under a key made of this text. */
export function record(name: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    key: name.padEnd(32, '0'),
    data: 'first',
    expiresAt: new Date(Date.now() + 3_600_000),
    attributes: {},
    ...fields,
  };
}
