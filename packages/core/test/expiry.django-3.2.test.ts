import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import {
  argumentsOf,
  createPlace,
  type ExpiryFixture,
  expectAge,
  expectDate,
  instantIn,
  openStored,
} from './support/expiry-fixture.ts';
import { memorySessions, putRaw, signed, storedJson } from './support/sqlite-sessions.ts';

const OPTIONS = { django: '3.2' } as const;

describe.each([
  {
    mode: 'with USE_TZ on',
    old: djangoFixture<ExpiryFixture>('expiry-aware.django-3.2.json'),
    current: djangoFixture<ExpiryFixture>('expiry-aware.json'),
  },
  {
    mode: 'with USE_TZ off, in New York',
    old: djangoFixture<ExpiryFixture>('expiry-naive.django-3.2.json'),
    current: djangoFixture<ExpiryFixture>('expiry-naive.json'),
  },
])("an expiry with django: '3.2', $mode", ({ old, current }) => {
  const { use_tz: useTz } = current;

  const stored = old.stored_values.map((row, i) => {
    const newer = current.stored_values[i];
    if (!newer || newer.stored !== row.stored) throw new Error('The fixtures are not aligned.');
    // A departure on purpose: 3.2 returns such a text as the age and fails to make a date of it; we read it as 5.2.
    const isText = typeof row.stored === 'string' && row.stored !== '';
    return {
      ...{ row, newer, isText },
      name: `${JSON.stringify(row.stored)}${isText ? ' (on which 3.2 fails: as in 5.2)' : ''}`,
    };
  });

  it.each(stored)('that is stored as $name is read', async ({ row, newer, isText }) => {
    const session = await openStored(current, row.stored, OPTIONS);
    expectAge(session, isText ? newer.age : row.age);
    // An empty text is an expiry of its own to the getter of 5.2 alone.
    if (row.stored !== '') expectDate(session, isText ? newer.date : row.date, useTz);
    expect({ ok: true, value: session.getExpireAtBrowserClose() }).toEqual(row.browser_close);
    expect(row.date.ok).toBe(!isText);
  });

  it.each(stored)('that is stored as $name can be read by 3.2 once saved', async (given) => {
    const { row, newer, isText } = given;
    const session = await openStored(current, row.stored, OPTIONS);
    session.set('other', 1);
    await session.save();
    const now = createPlace(current).settings.now();
    const after = createPlace(current, OPTIONS).open();
    const expiry = session.get('_session_expiry');
    if (!isText) expect(expiry).toEqual(row.stored);
    else if (!newer.date.ok) expect(session.has('_session_expiry')).toBe(false);
    else {
      const seconds = (instantIn(useTz, newer.date.value).getTime() - now.getTime()) / 1000;
      expect(expiry).toBe(Math.ceil(seconds));
      expectAge(after, { ok: true, value: expiry }, { expiry });
    }
  });

  const set = old.set_expiry.map((row, i) => {
    const newer = current.set_expiry[i];
    if (!newer || newer.call !== row.call) throw new Error('The fixtures are not aligned.');
    const name = row.encodes.ok ? row.call : `${row.call} (which 3.2 cannot save as JSON)`;
    return { row, newer, name };
  });

  it.each(set)('that is set by $name', async ({ row, newer }) => {
    const sessions = createPlace(current, OPTIONS);
    const session = sessions.open();
    session.setExpiry(7);
    await session.save();
    session.modified = false;
    const others: Record<string, unknown> = { None: null, True: true };
    const date = instantIn(useTz, newer.date.ok ? newer.date.value : '');
    const plain = row.call in others ? others[row.call] : Number(row.call);
    session.setExpiry((row.encodes.ok ? plain : date) as Date);
    expect(session.modified).toBe(row.modified);
    expect({ ok: true, value: session.getExpireAtBrowserClose() }).toEqual(row.browser_close);
    if (row.encodes.ok) {
      expectAge(session, row.age);
      expectDate(session, row.date, useTz);
      expect(session.get('_session_expiry')).toEqual(
        row.stored === 'absent' ? undefined : row.stored,
      );
      return;
    }
    // A departure on purpose: 3.2 would store a datetime, and fail when it saves.
    const now = sessions.settings.now().getTime();
    const seconds = session.get('_session_expiry');
    expect(seconds).toBe(Math.ceil((date.getTime() - now) / 1000));
    expectAge(session, { ok: true, value: seconds });
    expect(session.getExpiryDate()).toEqual(new Date(now + Number(seconds) * 1000));
    await expect(session.save()).resolves.toBeUndefined();
  });

  it.each(old.keyword_arguments.cases)('asked for with $call', async ({ call, age, date }) => {
    const session = await openStored(current, old.keyword_arguments.stored_expiry, OPTIONS);
    expectAge(session, age, argumentsOf(call));
    expectDate(session, date, useTz, argumentsOf(call));
  });
});

describe("a date with django: '3.2'", () => {
  it.each([
    ['in 60 s', 60_000, 60],
    ['in 60.001 s', 60_001, 61],
    ['in 1 ms', 1, 1],
    // Not 0, which means the browser's end.
    ['now', 0, -1],
    ['1 ms ago', -1, -1],
    ['1 s ago', -1000, -1],
    ['1.5 s ago', -1500, -1],
    ['2 s ago', -2000, -2],
  ])('%s is stored as whole seconds', async (_, ms, seconds) => {
    const { backend, clock, sessions } = memorySessions(OPTIONS);
    const session = sessions.open();
    session.set('a', 1);
    session.setExpiry(new Date(clock.now().getTime() + ms));
    expect(session.get('_session_expiry')).toBe(seconds);
    expect(session.getExpireAtBrowserClose()).toBe(false);
    await session.save();
    const key = String(session.sessionKey);
    if (seconds < 0) expect(await backend.load(key)).toBeUndefined();
    else expect(await storedJson(backend, key)).toBe(`{"a":1,"_session_expiry":${seconds}}`);
  });

  it('is refused where no date of Python could hold it', () => {
    const session = memorySessions(OPTIONS).sessions.open();
    expect(() => session.setExpiry(new Date('+010000-01-01T00:00:00Z'))).toThrow(RangeError);
    expect(session.has('_session_expiry')).toBe(false);
  });

  it('counts anew from each save, as every number of seconds does', async () => {
    const { backend, clock, sessions } = memorySessions(OPTIONS);
    const session = sessions.open();
    session.setExpiry(new Date(clock.now().getTime() + 100_000));
    await session.save();
    const key = String(session.sessionKey);
    clock.advance(40);
    expect((await backend.load(key))?.expiresAt).toEqual(new Date(clock.now().getTime() + 60_000));
    await session.set('a', 1).save();
    expect((await backend.load(key))?.expiresAt).toEqual(new Date(clock.now().getTime() + 100_000));
  });

  it('that was put there as text is stored as seconds too', async () => {
    const { backend, clock, sessions } = memorySessions(OPTIONS);
    const session = sessions.open();
    const text = '2023-11-14T22:14:20+00:00';
    session.set('_session_expiry', text);
    clock.advance(20);
    await session.save();
    expect(session.get('_session_expiry')).toBe(40);
    expect(await storedJson(backend, String(session.sessionKey))).toBe('{"_session_expiry":40}');
  });
});

describe("a date that a newer Django left, with django: '3.2'", () => {
  const TEXT = '{"a":1,"_session_expiry":"2023-11-14T22:14:20.500000+00:00","z":1.0}';
  const SECONDS = '"_session_expiry":61,"z":1.0';

  async function open(options = {}) {
    const place = memorySessions({ ...OPTIONS, ...options });
    const { backend, clock, sessions } = place;
    const key = await putRaw(backend, signed(TEXT, clock.now()), clock.now());
    return { ...place, key, session: sessions.open(key) };
  }

  it('stays where nothing is written', async () => {
    const { backend, key, session } = await open();
    expect(session.getExpiryAge()).toBe(60);
    expect(await storedJson(backend, key)).toBe(TEXT);
  });

  it.each<[string, (place: Awaited<ReturnType<typeof open>>) => Promise<unknown>, string]>([
    ['saved', ({ session }) => session.set('a', 2).save(), `{"a":2,${SECONDS}}`],
    ['created anew', ({ session }) => session.create(), `{"a":1,${SECONDS}}`],
    ['cycled', ({ session }) => session.cycleKey(), `{"a":1,${SECONDS}}`],
  ])('becomes seconds when the session is %s', async (_, write, expected) => {
    const place = await open();
    await place.session.load();
    await write(place);
    expect(await storedJson(place.backend, String(place.session.sessionKey))).toBe(expected);
    expect(place.session.get('_session_expiry')).toBe(61);
  });

  it('becomes seconds when the session is only renewed', async () => {
    const { backend, key, sessions } = await open({ saveEveryRequest: true });
    const headers = new Map<string, unknown>();
    const http = sessions.openForRequest(`sessionid=${key}`, {
      headersSent: false,
      getHeader: (name) => headers.get(name) as string | undefined,
      setHeader: (name, value) => headers.set(name, value),
    });
    await http.finish(200);
    expect(await storedJson(backend, key)).toBe(`{"a":1,${SECONDS}}`);
    expect(String(headers.get('Set-Cookie'))).toMatch(/; Max-Age=6[01];/);
  });

  it('gives way to what the request sets, and to nothing', async () => {
    for (const [value, stored] of [
      [300, '"_session_expiry":300,"z":1.0'],
      [null, '"z":1.0'],
    ] as const) {
      const { backend, key, session } = await open();
      session.setExpiry(value);
      await session.save();
      expect(await storedJson(backend, key)).toBe(`{"a":1,${stored}}`);
    }
  });

  it('does not get in the way of a commit that merges', async () => {
    const { backend, key, sessions, session } = await open();
    const other = sessions.open(key);
    other.set('b', 1);
    session.set('c', 1);
    await Promise.all([other.save(), session.save()]);
    expect(await storedJson(backend, key)).toBe(`{"a":1,${SECONDS},"b":1,"c":1}`);
  });

  it('stays a date without the setting', async () => {
    const { backend, key, session } = await open({ django: undefined });
    await session.set('a', 2).save();
    expect(await storedJson(backend, key)).toBe(TEXT.replace('1', '2'));
  });
});
