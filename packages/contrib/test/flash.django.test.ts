import { randomUUID } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { type Entries, memorySessions } from '../../core/test/support/sqlite-sessions.ts';
import {
  add,
  decodeMessagesCookie,
  encodeMessagesCookie,
  LEVELS,
  type StoredMessage,
  take,
} from '../src/flash.ts';

interface MessagesFixture {
  readonly django: string;
  readonly secret_key: string;
  readonly timestamp: number;
  readonly session_key_name: string;
  readonly cookie_name: string;
  readonly levels: Readonly<Record<string, number>>;
  readonly cases: readonly {
    readonly label: string;
    readonly messages: readonly {
      readonly level: number;
      readonly text: string;
      readonly extra_tags: string | null;
      readonly safe: boolean;
    }[];
    readonly session_value: string;
    readonly session_value_type: 'str';
    readonly cookie: string;
    readonly cookie_header: string;
  }[];
  readonly reads_text_written_by_others: readonly {
    readonly level: number;
    readonly text: string;
    readonly tags: string;
    readonly safe: 'str' | 'SafeString';
  }[];
  readonly reads_compact_text: readonly string[];
  readonly session_key_present_after_reading: boolean;
}

const newest = djangoFixture<MessagesFixture>('messages.json');
const oldest = djangoFixture<MessagesFixture>('messages.django-3.2.json');

/** The JSON in a cookie, whose compressed form may differ between implementations of zlib. */
function jsonIn(cookie: string): string {
  const [payload = ''] = cookie.split(':');
  return payload.startsWith('.')
    ? inflateSync(Buffer.from(payload.slice(1), 'base64url')).toString('latin1')
    : Buffer.from(payload, 'base64url').toString('latin1');
}

for (const fixture of [newest, oldest]) {
  const entry = fixture.session_key_name;
  const open = () =>
    memorySessions<Entries>({
      secretKey: fixture.secret_key,
      allowWeakSecret: true, // a key of the fixture's
      django: fixture.django.startsWith('3.2') ? '3.2' : undefined,
    }).sessions.open();
  const storedOf = (messages: MessagesFixture['cases'][number]['messages']): StoredMessage[] =>
    messages
      .filter(({ level }) => level >= LEVELS.info) // Django's default level, and so ours
      .map(({ extra_tags, safe, ...message }) => ({
        ...message,
        extraTags: extra_tags,
        isSafe: safe,
      }));

  describe(`the messages of Django ${fixture.django}`, () => {
    it('have the levels that it has', () => {
      const levels = Object.entries(LEVELS).map(([name, level]) => [name.toUpperCase(), level]);
      expect(Object.fromEntries(levels)).toEqual(fixture.levels);
    });

    it.each(fixture.cases)('are stored in the session as it stores them: $label', (row) => {
      const session = open();
      for (const { level, text, extra_tags, safe } of row.messages) {
        add(session, level, text, { extraTags: extra_tags, isSafe: safe });
      }
      expect(row.session_value_type).toBe('str');
      expect(session.get(entry)).toBe(row.session_value);
    });

    it.each(fixture.cases)('are read from the session: $label', async (row) => {
      const session = open().set(entry, row.session_value);
      const expected = storedOf(row.messages).map((message) => ({
        ...message,
        extraTags: message.extraTags ?? '',
      }));
      expect(await take(session)).toMatchObject(expected);
      expect(session.has(entry)).toBe(fixture.session_key_present_after_reading);
    });

    it.each(fixture.cases)('are put into its cookie as it puts them: $label', (row) => {
      const cookie = encodeMessagesCookie(open(), storedOf(row.messages));
      expect(jsonIn(cookie)).toBe(jsonIn(row.cookie));
      expect(cookie.startsWith('.')).toBe(row.cookie.startsWith('.'));
      if (!cookie.startsWith('.')) expect(cookie).toBe(row.cookie);
      // The value goes into the header as it is.
      expect(row.cookie_header).toContain(`${fixture.cookie_name}=${row.cookie};`);
      expect(cookie).toMatch(/^[\w.:-]+$/);
    });

    it.each(fixture.cases)('are read from its cookie: $label', (row) => {
      const found = decodeMessagesCookie(open(), row.cookie);
      const expected = storedOf(row.messages).map((message) => ({
        ...message,
        extraTags: message.extraTags ?? '',
      }));
      expect(found).toMatchObject({ messages: expected, isUnfinished: false });
    });

    it('are read from text that others wrote', async () => {
      const others = [
        ['__json_message', 0, 20, 'from outside'],
        ['__json_message', 1, 30, '<i>s</i>', 't'],
      ];
      const session = open().set(entry, JSON.stringify(others));
      const taken = await take(session);
      const shown = taken.map(({ level, text, tags, isSafe }) => {
        return { level, text, tags, safe: isSafe ? 'SafeString' : 'str' };
      });
      expect(shown).toEqual(fixture.reads_text_written_by_others);
    });

    it('are read from compact text', async () => {
      const texts = fixture.reads_compact_text;
      const compact = JSON.stringify(texts.map((text) => ['__json_message', 0, 20, text]));
      const taken = await take(open().set(entry, compact));
      expect(taken.map(({ text }) => text)).toEqual(texts);
    });
  });
}

describe('the messages cookie', () => {
  const { sessions } = memorySessions<Entries>();
  const session = sessions.open();
  const message = { level: 20, text: 'hello', extraTags: '' };

  it('may say that there are more in the session', () => {
    const only = encodeMessagesCookie(session, [], { isUnfinished: true });
    expect(jsonIn(only)).toBe('["__messagesnotfinished__"]');
    expect(decodeMessagesCookie(session, only)).toEqual({ messages: [], isUnfinished: true });
    const both = encodeMessagesCookie(session, [message], { isUnfinished: true });
    expect(decodeMessagesCookie(session, both)).toMatchObject({
      messages: [message],
      isUnfinished: true,
    });
  });

  it('is nothing when it was tampered with, is foreign, or no cookie of messages', () => {
    const good = encodeMessagesCookie(session, [message]);
    const elsewhere = memorySessions<Entries>({ secretKey: 'another key: 8Zr!mP0vXy7Lw2Nc9Td5H' });
    const foreign = encodeMessagesCookie(elsewhere.sessions.open(), [message]);
    for (const value of ['', 'x', `x${good}`, `${good}x`, foreign, good.replace(/:.*:/, ':')]) {
      expect(decodeMessagesCookie(session, value)).toBeUndefined();
    }
  });

  it('made with a former secret key is read', () => {
    const key = 'test-only:former-4Wq9!zRk2LmVt8Xc6Jy1';
    const former = memorySessions<Entries>({ secretKey: key }).sessions.open();
    const value = encodeMessagesCookie(former, [message]);
    const now = memorySessions<Entries>({ secretKeyFallbacks: [key] }).sessions.open();
    expect(decodeMessagesCookie(now, value)).toMatchObject({ messages: [message] });
  });

  it('is refused where Django would not make it so long', () => {
    const many = Array.from({ length: 200 }, () => ({ ...message, text: randomUUID() }));
    expect(() => encodeMessagesCookie(session, many)).toThrow(/2048 are allowed: add\(\)/);
  });
});
