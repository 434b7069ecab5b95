import { createSessions, type SessionsOptions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { SECRET_KEY } from './support/sqlite-sessions.ts';

type Attributes = SessionsOptions['attributes'];

/** Sessions, and the attributes of every record that was written. */
function createPlace(attributes: Attributes, more: Partial<SessionsOptions> = {}) {
  const { now } = createClock();
  const backend = new MemoryBackend({ now });
  const written: unknown[] = [];
  for (const name of ['create', 'update', 'touch'] as const) {
    const call = backend[name].bind(backend) as (...args: unknown[]) => never;
    Object.defineProperty(backend, name, {
      value: (record: { attributes: unknown }, ...args: unknown[]) => {
        written.push(record.attributes);
        return call(record, ...args);
      },
    });
  }
  const options = { backend, secretKey: SECRET_KEY, attributes, now, ...more };
  return { written, sessions: createSessions<Record<string, unknown>>(options) };
}

const account: Attributes = ({ get }) => ({ account_id: (get('_auth_user_id') as string) ?? null });

describe('attributes', () => {
  it('are computed from the session at every write', async () => {
    const { sessions, written } = createPlace(account);
    const session = sessions.open();
    session.set('_auth_user_id', '7');
    await session.save();
    session.set('cart', [1]);
    await session.save();
    session.delete('_auth_user_id');
    await session.save();
    expect(written).toEqual([{ account_id: '7' }, { account_id: '7' }, { account_id: null }]);
  });

  it('follow the session to a new key, and do not stay with the old one', async () => {
    const { sessions, written } = createPlace(account);
    const session = sessions.open();
    session.set('_auth_user_id', '7');
    await session.save();
    await session.cycleKey();
    expect(written).toEqual([{ account_id: '7' }, { account_id: '7' }, {}]);
  });

  it('are computed from what a commit has merged', async () => {
    const { sessions, written } = createPlace(({ get }) => ({ sum: `${get('a')} ${get('b')}` }));
    const session = sessions.open();
    session.set('a', 1);
    await session.save();
    const [one, other] = [sessions.open(session.sessionKey), sessions.open(session.sessionKey)];
    await Promise.all([one.load(), other.load()]);
    one.set('a', 2);
    other.set('b', 3);
    await one.save();
    await other.save();
    expect(written.at(-1)).toEqual({ sum: '2 3' });
  });

  it('are decoded by the serializer, and only when they are asked for', async () => {
    const decoded: string[] = [];
    const serializer = {
      dumps: (value: unknown) => JSON.stringify({ value }),
      loads: (text: string): unknown => {
        decoded.push(text);
        return JSON.parse(text).value;
      },
    };
    const { sessions, written } = createPlace(({ get }) => ({ a: get('a') as number }), {
      serializer,
    });
    const session = sessions.open();
    session.set('a', 1);
    session.set('b', 2);
    decoded.length = 0;
    await session.save();
    expect(written).toEqual([{ a: 1 }]);
    expect(decoded).toEqual(['{"value":1}']);
  });

  it('reject the commit when the function throws, and nothing is stored', async () => {
    const { sessions, written } = createPlace(({ get }) => {
      if (get('bad')) throw new RangeError('no account');
      return {};
    });
    const session = sessions.open();
    session.set('bad', true);
    await expect(session.save()).rejects.toThrow(RangeError);
    expect(written).toEqual([]);
  });

  it('reject one commit of several that are merged', async () => {
    const { sessions } = createPlace(({ get }) => {
      if (get('bad')) throw new RangeError('no account');
      return {};
    });
    const session = sessions.open();
    session.set('a', 1);
    await session.save();
    const stores = await Promise.all(
      ['x', 'bad', 'y'].map(async (key) => {
        const store = sessions.open(session.sessionKey);
        await store.load();
        store.set(key, 1);
        return store;
      }),
    );
    const outcomes = await Promise.allSettled(
      [session, ...stores].map((store, i) => {
        if (i === 0) store.set('first', 1);
        return store.save();
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    const last = sessions.open(session.sessionKey);
    await last.load();
    expect([...last.keys()].sort()).toEqual(['a', 'first', 'x', 'y']);
  });

  it.each([
    ['nothing', () => undefined],
    ['a Date', () => ({ at: new Date() })],
    ['a number that is none', () => ({ n: Number.NaN })],
    ['a nested object', () => ({ account: { id: 1 } })],
    ['a value that is missing', () => ({ account_id: undefined })],
  ])('must not be %s', async (_, attributes) => {
    const { sessions } = createPlace(attributes as unknown as Attributes);
    const session = sessions.open();
    session.set('a', 1);
    await expect(session.save()).rejects.toMatchObject({ name: 'ImproperlyConfigured' });
  });

  it('are a function, or the setting is refused', () => {
    expect(() => createPlace({ account_id: 7 } as unknown as Attributes)).toThrow(
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringContaining('attributes'),
      }),
    );
  });
});
