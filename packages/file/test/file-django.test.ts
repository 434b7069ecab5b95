import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createSessions, type SessionsOptions } from '@coatcheck/core';
import { fileBackend } from '@coatcheck/file';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
import { load, openSessions } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

interface Fixture {
  secret_key: string;
  use_tz: boolean;
  session_cookie_age: number;
  files: {
    label: string;
    key: string;
    file_name: string;
    content?: string;
    error?: string;
    mode: string;
    data: Record<string, unknown>;
  }[];
  expiry_rules: { now: number; cases: ExpiryCase[] };
  odd_files: {
    label: string;
    file_name: string;
    load: { ok: boolean; value?: object };
    modified: boolean;
    clear_expired_error: string | null;
    exists_after_clear: boolean;
  }[];
  keys: { key: string; key_to_file: { ok: boolean; error?: string; value?: string } }[];
}

interface ExpiryCase {
  label: string;
  expiry: number | string | null;
  mtime_seconds_ago: number;
  load: { ok: boolean; value?: Record<string, unknown> };
  removed_by_clear_expired: boolean;
}

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const key = 'a'.repeat(32);
const inDirectory = (name: string) => path.join(directory.path, name);

/** Cases with an expiry in seconds that Django's file store never enforces. */
const departure = 'departure: an expiry in seconds is enforced in files too';
/** Django 5.2, naive: it compares an aware date with a local one and finds no file without an expiry of its own old. */
const naive = 'departure: a file is as old in New York as elsewhere';
/** Django 3.2 cannot read a date that a later Django stored. */
const text = 'departure: a stored date is read';

function expected(
  { expiry, mtime_seconds_ago: age, load: found }: ExpiryCase,
  now: number,
  cookieAge: number,
) {
  const ends = typeof expiry === 'string' ? undefined : (expiry || cookieAge) - age;
  const live = ends === undefined ? dateOf(String(expiry)) > now : ends > 0;
  const djangoLive = found.ok && Object.keys(found.value ?? {}).length > 0;
  let named = '';
  if (live !== djangoLive) named = typeof expiry === 'number' && expiry > 0 ? departure : naive;
  if (!found.ok) named = text;
  return { live, named };
}

function dateOf(iso: string): number {
  // New York was five hours behind on that day.
  return Date.parse(iso.includes('+') ? iso : `${iso}-05:00`) / 1000;
}

describe.each([
  ['Django 5.2', djangoFixture<Fixture>('file-aware.json')],
  ['Django 5.2 with USE_TZ off', djangoFixture<Fixture>('file-naive.json')],
  ['Django 3.2', djangoFixture<Fixture>('file-aware.django-3.2.json')],
  ['Django 3.2 with USE_TZ off', djangoFixture<Fixture>('file-naive.django-3.2.json')],
])('with the files of %s', (_, fixture) => {
  const { secret_key: secretKey, expiry_rules: rules } = fixture;
  let now: Date;
  const open = (options: Partial<SessionsOptions> = {}) =>
    createSessions<Record<string, unknown>>({
      backend: fileBackend({ path: directory.path, now: () => now }),
      secretKey,
      now: () => now,
      timeZone: fixture.use_tz ? undefined : 'America/New_York',
      allowWeakSecret: true,
      ...options,
    });
  beforeEach(() => {
    now = new Date(rules.now * 1000);
  });

  const files = fixture.files.filter(({ content }) => content !== undefined);
  const ours = files.filter((file) => file.key.length === 32);

  it.each(ours)('reads what Django wrote: $label', async ({ key, file_name, content, data }) => {
    writeFileSync(inDirectory(file_name), content as string);
    utimesSync(inDirectory(file_name), now, now);
    const session = open().open(key);
    await session.load();
    expect(Object.fromEntries(session.entries())).toEqual(data);
  });

  it.each(ours)(
    'writes the name, content and mode that Django writes: $label',
    async ({ label, key, file_name, content, mode }) => {
      const { backend } = open();
      await backend.create({ key, data: content as string, expiresAt: now, attributes: {} });
      expect(readdirSync(directory.path)).toEqual([file_name]);
      expect(readFileSync(inDirectory(file_name), 'latin1')).toBe(content);
      expect(`0o${(statSync(inDirectory(file_name)).mode & 0o777).toString(8)}`).toBe(mode);
      expect(Math.round(statSync(inDirectory(file_name)).mtimeMs)).toBe(now.getTime());
      if (label !== 'one pair') return;
      await backend.delete(key);
      const session = open().open();
      session.set('a', 1);
      await session.save();
      const [written = ''] = readdirSync(directory.path);
      expect(readFileSync(inDirectory(written), 'latin1')).toBe(content);
    },
  );

  it('takes a key of eight characters for none (departure: 32, or 64 of a digest)', async () => {
    const short = files.find((file) => file.key.length === 8);
    writeFileSync(inDirectory(String(short?.file_name)), String(short?.content));
    expect((await load(open(), String(short?.key))).isEmpty()).toBe(true);
  });

  const cases = rules.cases.map((rule) => ({
    ...rule,
    ...expected(rule, rules.now, fixture.session_cookie_age),
  }));
  it.each(cases)('$label: $named', async ({ expiry, mtime_seconds_ago: age, live }) => {
    const sessions = open();
    const written = sessions.open();
    written.set('a', 1);
    // Stored under the name that setExpiry uses, also where it takes no text.
    if (expiry !== null) written.set('_session_expiry', expiry);
    await written.save();
    const [file = ''] = readdirSync(directory.path);
    const modified = new Date(now.getTime() - age * 1000);
    utimesSync(inDirectory(file), modified, modified);

    const session = await load(sessions, String(written.sessionKey));
    expect(session.has('a')).toBe(live);
    // Departure: an expired file is not replaced by a new one, and reading removes nothing.
    expect(session.modified).toBe(false);
    expect(readdirSync(directory.path)).toEqual([file]);
    expect(await sessions.clearExpired()).toBe(live ? 0 : 1);
    expect(readdirSync(directory.path)).toEqual(live ? [file] : []);
  });

  it.each(fixture.odd_files)('is not disturbed by $label', async (odd) => {
    const { label, file_name } = odd;
    // Departure: what is not ASCII is corrupt like the rest, and does not end the run of clearsessions.
    const isFatal = label === 'non-ascii bytes';
    expect(odd.clear_expired_error).toBe(isFatal ? 'UnicodeDecodeError' : null);
    expect(odd.load).toMatchObject(isFatal ? { ok: false } : { ok: true, value: {} });
    const contents: Record<string, string | Buffer> = {
      'empty file': '',
      'non-ascii bytes': Buffer.from([0xff, 0xfe]),
    };
    if (label === 'a directory') mkdirSync(inDirectory(file_name));
    else writeFileSync(inDirectory(file_name), contents[label] ?? 'garbage');
    now = new Date();
    utimesSync(inDirectory(file_name), now, now);
    const sessions = open();
    const session = await load(sessions, key);
    // Departure: Django keeps the key of a file that it cannot decode.
    expect(session.isEmpty()).toBe(true);
    expect(session.modified).toBe(odd.modified);
    expect(await sessions.clearExpired()).toBe(0);
    expect(readdirSync(directory.path)).toEqual(odd.exists_after_clear ? [file_name] : []);

    // Departure: what is written after a corrupt record gets a new key, and what cannot be read goes in the end.
    session.set('a', 1);
    await session.save();
    expect(session.sessionKey).not.toBe(key);
    const unreadable = ['empty file', 'garbage', 'non-ascii bytes'].includes(label);
    const later = new Date(now.getTime() + fixture.session_cookie_age * 1000 - 1);
    expect(await sessions.clearExpired({ expiresAt: later, dryRun: true })).toBe(0);
    later.setTime(later.getTime() + 1000);
    expect(await sessions.clearExpired({ expiresAt: later })).toBe(unreadable ? 2 : 1);
    expect(readdirSync(directory.path)).toEqual(unreadable ? [] : [file_name]);
    await sessions.close();
  });

  it('saves a date that Django 3.2 fails to save (departure: as seconds)', async () => {
    for (const { label, error } of fixture.files.filter(({ content }) => content === undefined)) {
      expect({ label, error }).toEqual({
        label: 'expiry text',
        error: 'Object of type datetime is not JSON serializable',
      });
    }
    const session = open({ django: '3.2' }).open();
    session.setExpiry(new Date(now.getTime() + 60_000));
    await session.save();
    expect(session.get('_session_expiry')).toBe(60);
  });

  it.each(fixture.keys)('maps the key $key as Django does, or refuses it', async (mapped) => {
    const sessions = open();
    const { backend } = sessions;
    expect(sessions.open(mapped.key).sessionKey).toBeNull();
    const refusal = { name: 'InvalidSessionKey' };
    // Departure: what Django allows, but never makes, is no key either.
    expect(() => backend.load(mapped.key)).toThrow(expect.objectContaining(refusal));
    if (!mapped.key_to_file.ok) expect(mapped.key_to_file.error).toBe(refusal.name);
  });
});

describeDjangoSessionTests('files', ({ now }) => {
  // Removed with the process's other temporary directories: the tests have no hook for it.
  const place = temporaryDirectory();
  const backend = fileBackend({ path: place.path, now });
  const close = backend.close.bind(backend);
  backend.close = async () => {
    await close();
    place.remove();
  };
  return backend;
});

describe("Django's FileSessionTests", () => {
  it('test_configuration_check: a storage path that does not exist is refused', () => {
    const place = '/if/this/directory/exists/you_have_a_weird_computer';
    expect(() => fileBackend({ path: place })).toThrow(
      expect.objectContaining({ name: 'ImproperlyConfigured' }),
    );
  });

  it.each([
    ['test_invalid_key_backslash', 'a\\b\\c'],
    ['test_invalid_key_forwardslash', 'a/b/c'],
  ])('%s', async (_, invalid) => {
    const backend = fileBackend({ path: directory.path });
    expect(() => backend.load(invalid)).toThrow(
      expect.objectContaining({ name: 'InvalidSessionKey' }),
    );
  });

  it('test_clearsessions_command, with a cookie age of one second that has passed: of a future, a past and a default session, two files are removed', async () => {
    let now = new Date();
    const sessions = openSessions(directory.path, { now: () => now, cookie: { age: 1 } });
    for (const expiry of [3600, -3600, null]) {
      const session = sessions.open();
      session.set('foo', 'bar');
      session.setExpiry(expiry);
      await session.save();
    }
    now = new Date(now.getTime() + 1000);
    expect(readdirSync(directory.path)).toHaveLength(3);
    expect(await sessions.clearExpired()).toBe(2);
    expect(readdirSync(directory.path)).toHaveLength(1);
    await sessions.close();
  });
});
