import { memoryBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';

const secretKey = 'h7Qd2zV5mX9pL3tR8wN1cB6kJ4sG0yFa';
type Entries = Record<string, unknown>;

const answeringAtOnce = () => createSessions<Entries>({ backend: memoryBackend(), secretKey });

/** The same, whose every call takes a turn of the event loop. */
function answeringLater() {
  const backend = memoryBackend();
  const slow = new Proxy(backend, {
    get(target, name) {
      if (name === 'answers') return 'later';
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return async (...values: unknown[]) => {
        await new Promise((resolve) => setImmediate(resolve));
        return member.apply(target, values);
      };
    },
  });
  return createSessions<Entries>({ backend: slow, secretKey });
}

const kinds = { 'that answers at once': answeringAtOnce, 'that answers later': answeringLater };

describe.each(Object.entries(kinds))(
  'a call made by what a call runs, on a backend %s',
  (_, open) => {
    it('comes after it: a change is made once', async () => {
      const sessions = open();
      const session = sessions.open();
      session.set('n', 0);
      await session.save();
      let saving: Promise<void> | undefined;
      sessions.events.once('saved', () => {
        session.set('told', true);
        saving = session.save();
      });
      session.change('n', (n) => Number(n) + 1);
      await session.save();
      await saving;
      const stored = sessions.open(session.sessionKey);
      await stored.load();
      expect(stored.entries()).toEqual([
        ['n', 1],
        ['told', true],
      ]);
    });

    it('comes after it: a new session is stored once', async () => {
      const sessions = open();
      const session = sessions.open();
      const created: unknown[] = [];
      let saving: Promise<void> | undefined;
      sessions.events.on('created', (event) => {
        created.push(event);
        session.set('told', true);
        saving ??= session.save();
      });
      session.set('a', 1);
      await session.save();
      await saving;
      const stored = sessions.open(session.sessionKey);
      await stored.load();
      expect(created).toHaveLength(1);
      expect(stored.get('told')).toBe(true);
    });

    it('comes after it where a value that is written makes it', async () => {
      const sessions = open();
      const session = sessions.open();
      session.set('n', 0);
      await session.save();
      let saving: Promise<void> | undefined;
      let looks = 0;
      const value = {
        get seen() {
          looks += 1;
          // The first look is that of `set`.
          if (looks > 1) saving ??= session.save();
          return 1;
        },
      };
      session.set('a', value);
      session.change('n', (n) => Number(n) + 1);
      await session.save();
      await saving;
      const stored = sessions.open(session.sessionKey);
      await stored.load();
      expect(stored.get('n')).toBe(1);
    });

    it('keeps its place before what is asked for later', async () => {
      const sessions = open();
      const session = sessions.open();
      session.set('a', 1);
      await session.save();
      const done: string[] = [];
      const note = (name: string) => () => void done.push(name);
      let nested: Promise<void> | undefined;
      sessions.events.once('saved', () => {
        session.set('a', 3);
        nested = session.save().then(note('nested'));
      });
      session.set('a', 2);
      const outer = session.save().then(note('outer'));
      await outer;
      await Promise.all([nested, session.cycleKey().then(note('later'))]);
      expect(done).toEqual(['outer', 'nested', 'later']);
    });
  },
);

it('a listener that reads the session that it is told to be none is told once', async () => {
  const sessions = answeringAtOnce();
  const session = sessions.open('z'.repeat(32));
  const told: unknown[] = [];
  sessions.events.on('rejected', (event) => {
    told.push(event);
    session.get('a');
  });
  await session.load();
  expect(session.get('a')).toBeUndefined();
  expect(told).toHaveLength(1);
});
