import { BackendUnavailable, createSessions, type Sessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from '../../core/test/support/clock.ts';
import { MemoryBackend } from '../../core/test/support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  SECRET_KEY,
  withSqliteFile,
} from '../../core/test/support/sqlite-sessions.ts';
import * as flash from '../src/flash.ts';

const textsOf = (messages: readonly flash.Message[]): string[] => messages.map(({ text }) => text);

async function begin(sessions: Sessions<Entries>): Promise<string> {
  const session = sessions.open();
  await session.set('cart', []).save();
  return String(session.sessionKey);
}

describe('a message', () => {
  it('is shown once, on the next page, with its level and tags', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    flash.success(session, 'Saved <it>', { extraTags: 'order wide' });
    flash.add(session, 35, '<b>own level</b>', { isSafe: true });
    await session.save();

    const next = sessions.open(session.sessionKey);
    expect(await flash.take(next)).toEqual([
      {
        level: 25,
        levelTag: 'success',
        text: 'Saved <it>',
        extraTags: 'order wide',
        tags: 'order wide success',
        isSafe: false,
      },
      { level: 35, levelTag: '', text: '<b>own level</b>', extraTags: '', tags: '', isSafe: true },
    ]);
    expect(await flash.take(next)).toEqual([]);
    expect(await flash.take(sessions.open(session.sessionKey))).toEqual([]);
  });

  it('is shown at once where the page is rendered by the request that adds it, and then not stored', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    flash.error(session, 'wrong password');
    expect(textsOf(await flash.take(session))).toEqual(['wrong password']);
    expect(session.sessionKey).toBeNull();
    expect(session.isEmpty()).toBe(true);
  });

  it('waits over pages that do not take it', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    flash.info(session, 'first');
    await session.save();
    const second = sessions.open(session.sessionKey);
    flash.warning(second, 'second');
    await second.save();
    await sessions.open(session.sessionKey).set('cart', []).save();
    const last = sessions.open(session.sessionKey);
    expect(textsOf(await flash.take(last))).toEqual(['first', 'second']);
  });

  it('moves along with a session that is cycled', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    flash.info(session, 'welcome');
    await session.save();
    await session.cycleKey();
    const next = sessions.open(session.sessionKey);
    expect(textsOf(await flash.take(next))).toEqual(['welcome']);
  });

  it('below the minimum level, or without text, is none', () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    flash.debug(session, 'x');
    flash.info(session, '');
    flash.info(session, 'x', { minimumLevel: 21 });
    expect(session.modified).toBe(false);
    flash.debug(session, 'x', { minimumLevel: 'debug' });
    expect(session.get('_messages')).toBe('[["__json_message", 0, 10, "x", ""]]');
  });

  it('has a level and a text, or is refused with what is wrong', () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    for (const level of ['fatal', 'toString', Number.NaN, 1.5]) {
      expect(() => flash.add(session, level as flash.Level, 'x')).toThrow(
        "A message's level must be a whole number or one of debug, info, success, warning, error.",
      );
    }
    expect(() => flash.info(session, undefined as unknown as string)).toThrow('must be text');
    expect(session.modified).toBe(false);
  });

  it('keeps every character', async () => {
    const { sessions } = memorySessions<Entries>();
    const text = Array.from({ length: 0x800 }, (_, i) => String.fromCharCode(i)).join('');
    const session = sessions.open();
    flash.info(session, `${text}😀\ud800`, { extraTags: text.slice(0, 300) });
    expect(session.get('_messages')).toMatch(/^[ -~]+$/);
    await session.save();
    const [message] = await flash.take(sessions.open(session.sessionKey));
    expect(message).toMatchObject({
      text: `${text}😀\ud800`,
      extraTags: text.slice(0, 300),
    });
  });
});

describe('what is stored beside messages', () => {
  it('that a newer Django may have put there survives, byte for byte until messages are taken', async () => {
    const { sessions } = memorySessions<Entries>();
    const future =
      '[["__json_message", 0, 20, "a", "", {"n": 1.0}], {"later":[1]}, "word", ["__other", 1] ]';
    const session = sessions.open().set('_messages', future);
    flash.info(session, 'b');
    expect(session.get('_messages')).toBe(
      `${future.slice(0, -2)}, ["__json_message", 0, 20, "b", ""]]`,
    );
    expect(textsOf(await flash.take(session))).toEqual(['a', 'b']);
    expect(JSON.parse(String(session.get('_messages')))).toEqual([
      { later: [1] },
      'word',
      ['__other', 1],
    ]);
    expect(await flash.take(session)).toEqual([]);
    flash.info(session, 'c');
    expect(textsOf(await flash.take(session))).toEqual(['c']);
  });

  it.each([['not JSON'], ['{}'], ['null'], [''], [7], [{ a: 1 }], ['[[']])(
    'and is no list gives way to the next message: %j',
    async (stored) => {
      const { sessions } = memorySessions<Entries>();
      const session = sessions.open().set('_messages', stored);
      expect(await flash.take(session)).toEqual([]);
      flash.info(session, 'x');
      expect(textsOf(await flash.take(session))).toEqual(['x']);
    },
  );

  it('as a list, and not as text, is read as Django reads it', async () => {
    const { sessions } = memorySessions<Entries>();
    const list = [['__json_message', 0, 20, 'a', null]];
    const session = sessions.open().set('_messages', list);
    flash.info(session, 'b');
    expect(textsOf(await flash.take(session))).toEqual(['a', 'b']);
  });
});

describe('take', () => {
  it('writes nothing where there is nothing, and one update where there is something', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'later' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const key = await begin(sessions);
    backend.calls.length = 0;
    const session = sessions.open(key);
    expect(await flash.take(session)).toEqual([]);
    expect([backend.calls, session.modified]).toEqual([['load'], false]);
    flash.info(session, 'x');
    await session.save();
    backend.calls.length = 0;
    expect(await flash.take(sessions.open(key))).toHaveLength(1);
    expect(backend.calls).toEqual(['load', 'update']);
  });

  it('shows nothing that it could not remove', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open();
    flash.info(session, 'x');
    await session.save();
    backend.before = (operation) => {
      if (operation === 'update') throw new Error('no answer');
    };
    const page = sessions.open(session.sessionKey);
    await expect(flash.take(page)).rejects.toBeInstanceOf(BackendUnavailable);
    backend.before = () => {};
    expect(textsOf(await flash.take(sessions.open(session.sessionKey)))).toEqual(['x']);
  });

  it('gives each of 300 messages to exactly one of 300 requests at once, on two handles', () =>
    withSqliteFile<Entries>({}, async ({ sessions, another }) => {
      const key = await begin(sessions);
      const all = [sessions, another()];
      const taken: string[] = [];
      await Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          const session = (all[i % 2] as Sessions<Entries>).open(key);
          flash.info(session, `message ${i}`);
          await session.save();
          const page = (all[(i + 1) % 2] as Sessions<Entries>).open(key);
          taken.push(...textsOf(await flash.take(page)));
        }),
      );
      taken.push(...textsOf(await flash.take(sessions.open(key))));
      expect(taken.sort()).toEqual(Array.from({ length: 300 }, (_, i) => `message ${i}`).sort());
    }));
});
