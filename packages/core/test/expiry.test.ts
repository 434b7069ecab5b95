import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import {
  argumentsOf,
  createPlace,
  type ExpiryFixture,
  expectAge,
  expectDate,
  openStored,
} from './support/expiry-fixture.ts';
import { memorySessions, putRaw, signed, storedJson } from './support/sqlite-sessions.ts';

describe.each([
  { mode: 'with USE_TZ on', fixture: djangoFixture<ExpiryFixture>('expiry-aware.json') },
  {
    mode: 'with USE_TZ off, in New York',
    fixture: djangoFixture<ExpiryFixture>('expiry-naive.json'),
  },
])('an expiry as Django 5.2 has it, $mode', ({ fixture }) => {
  const { use_tz: useTz, now } = fixture;

  describe('that is stored', () => {
    it.each(fixture.stored_values)('as $stored gives age, date and browser close', async (row) => {
      // Python's None stands for an absent entry; a stored null means the same.
      const session = await openStored(fixture, row.stored);
      expectAge(session, row.age);
      expectDate(session, row.date, useTz);
      expect({ ok: true, value: session.getExpireAtBrowserClose() }).toEqual(row.browser_close);
    });

    it('as nothing at all is the default', () => {
      const session = createPlace(fixture).open();
      expect(session.getExpiryAge()).toBe(fixture.session_cookie_age);
      expect(session.getExpireAtBrowserClose()).toBe(false);
    });
  });

  describe('that is set', () => {
    /** What a JavaScript caller passes for the Python one, and what is stored where that differs. */
    const calls: Record<string, { value: unknown; title?: string; stored?: string }> = {
      None: { value: null },
      0: { value: 0 },
      300: { value: 300 },
      '-5': { value: -5 },
      '1.5': { value: 1.5 },
      True: { value: true },
      'timedelta 60s': { value: new Date((now + 60) * 1000) },
      'timedelta 1.5s': { value: new Date((now + 1.5) * 1000) },
      'timedelta -10s': { value: new Date((now - 10) * 1000) },
      'datetime in this mode': {
        value: new Date(useTz ? '2030-01-02T03:04:05Z' : '2030-01-02T08:04:05Z'),
      },
      'datetime with microseconds': {
        value: new Date(useTz ? '2030-01-02T03:04:05Z' : '2030-01-02T08:04:05Z'),
        title: 'a Date has milliseconds only',
        stored: useTz ? '2030-01-02T03:04:05+00:00' : '2030-01-02T03:04:05',
      },
      'datetime +05:30': {
        value: new Date('2030-01-02T03:04:05+05:30'),
        title: 'a Date keeps no offset, so the same instant is stored in the form of the settings',
        stored: useTz ? '2030-01-01T21:34:05+00:00' : '2030-01-01T16:34:05',
      },
      'naive datetime': {
        value: new Date(useTz ? '2030-01-02T03:04:05Z' : '2030-01-02T08:04:05Z'),
        title: 'a Date is an instant and never naive, so it is stored in the form of the settings',
        stored: useTz ? '2030-01-02T03:04:05+00:00' : '2030-01-02T03:04:05',
      },
    };
    const rows = fixture.set_expiry.map((row) => {
      const call = calls[row.call];
      if (!call) throw new Error(`No call for ${row.call}`);
      return { ...row, ...call, name: call.title ? `${row.call} (${call.title})` : row.call };
    });

    it.each(rows)('by $name is stored, and read back, as in Django', async (row) => {
      const { value, call } = row;
      const stored = row.stored === 'absent' ? undefined : row.stored;
      const sessions = createPlace(fixture);
      const session = sessions.open();
      session.setExpiry(7);
      await session.save();
      session.modified = false;
      session.setExpiry(value as Date);
      expect(session.modified).toBe(row.modified);
      expect(session.get('_session_expiry')).toEqual(stored);

      // Django refuses the last two where they do not fit its mode; a Date always does.
      if (row.title === undefined || row.age.ok) expectAge(session, row.age);
      else expect(session.getExpiryAge()).toBe(Math.floor((Number(value) - now * 1000) / 1000));
      if (row.title === undefined) expectDate(session, row.date, useTz);
      else expect(session.getExpiryDate()).toEqual(value);
      expect({ ok: true, value: session.getExpireAtBrowserClose() }).toEqual(row.browser_close);

      await session.save();
      const json = await sessions.backend.load(String(session.sessionKey));
      expect(json === undefined).toBe(['-5', 'timedelta -10s'].includes(call));
      expect(row.encodes).toEqual({ ok: true, value: true });
    });
  });

  describe('asked for with arguments', () => {
    const { stored_expiry: stored, cases } = fixture.keyword_arguments;

    it.each(cases)('$call is answered as in Django', async ({ call, age, date }) => {
      const session = await openStored(fixture, stored);
      expectAge(session, age, argumentsOf(call));
      expectDate(session, date, useTz, argumentsOf(call));
    });

    it('with an expiry does not load the session', async () => {
      const session = await openStored(fixture, 42);
      session.getExpiryAge({ expiry: null });
      session.getExpiryDate({ expiry: 90 });
      expect(session.accessed).toBe(false);
      session.getExpiryAge();
      expect(session.accessed).toBe(true);
    });
  });
});

describe('an expiry', () => {
  it('is refused where it is neither a number, a valid Date nor null', () => {
    const session = memorySessions().sessions.open();
    for (const value of [
      '60',
      Number.NaN,
      Number.POSITIVE_INFINITY,
      new Date('x'),
      {},
      undefined,
      5n,
    ]) {
      expect(() => session.setExpiry(value as number)).toThrow(TypeError);
    }
    expect(session.modified).toBe(false);
    expect(session.has('_session_expiry')).toBe(false);
  });

  it('is refused where no date of Django could hold it, the years 1 to 9999', async () => {
    const { sessions } = memorySessions();
    const session = sessions.open();
    const beyond = [
      new Date('+010000-01-01T00:00:00Z'),
      new Date('-000001-01-01T00:00:00Z'),
      1e300,
      1e13,
    ];
    for (const value of beyond) {
      expect(() => session.setExpiry(value)).toThrow(RangeError);
    }
    expect(session.has('_session_expiry')).toBe(false);
    session.setExpiry(new Date('9999-12-29T23:59:59Z'));
    await session.save();
    expect(sessions.open(session.sessionKey).get('_session_expiry')).toBe(
      '9999-12-29T23:59:59+00:00',
    );
  });

  it('of the first century is not taken for one of the twentieth', async () => {
    const session = memorySessions().sessions.open();
    const expiry = '0050-01-02T03:04:05+00:00';
    expect(session.getExpiryDate({ expiry })).toEqual(new Date('0050-01-02T03:04:05Z'));
  });

  it('is written with six digits or none, and never with a Z', async () => {
    const { backend, clock, sessions } = memorySessions();
    const session = sessions.open();
    session.setExpiry(new Date(clock.now().getTime() + 1_005));
    await session.save();
    expect(await storedJson(backend, String(session.sessionKey))).toBe(
      '{"_session_expiry":"2023-11-14T22:13:21.005000+00:00"}',
    );
  });

  it.each([
    '2023-02-30T00:00:00+00:00',
    '2023-13-01',
    '2023-01-01T25:00:00+00:00',
    '2023-01-01T00:60',
  ])(
    'that is stored as %s, a date that does not exist, is refused by both getters',
    async (stored) => {
      const { backend, clock, sessions } = memorySessions();
      const data = signed(JSON.stringify({ _session_expiry: stored }), clock.now());
      const session = sessions.open(await putRaw(backend, data, clock.now()));
      expect(() => session.getExpiryAge()).toThrow(RangeError);
      expect(() => session.getExpiryDate()).toThrow(RangeError);
    },
  );

  it('of a Date moves the record, and one in the past ends it at once', async () => {
    const { backend, clock, sessions } = memorySessions();
    const session = sessions.open();
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    session.setExpiry(expiresAt);
    await session.save();
    const key = String(session.sessionKey);
    expect((await backend.load(key))?.expiresAt).toEqual(expiresAt);
    session.setExpiry(-1);
    await session.save();
    expect(await backend.load(key)).toBeUndefined();
  });

  it('of 0 ends with the browser, and its record after the cookie age all the same', async () => {
    const { backend, clock, sessions } = memorySessions({ cookie: { age: 100 } });
    const session = sessions.open();
    session.setExpiry(0);
    await session.save();
    expect(session.getExpireAtBrowserClose()).toBe(true);
    const stored = await backend.load(String(session.sessionKey));
    expect(stored?.expiresAt).toEqual(new Date(clock.now().getTime() + 100_000));
  });

  it('that is not there is removed without a change', () => {
    const session = memorySessions().sessions.open();
    session.setExpiry(null);
    expect(session.accessed).toBe(true);
    expect(session.modified).toBe(false);
  });
});

describe('an ISO text as each Python reads it', () => {
  const { by_python: pythons } = djangoFixture<{
    by_python: Record<string, Record<string, string | null>>;
  }>('iso-pythons.json');
  const versions = Object.keys(pythons);
  const newest = pythons[versions.at(-1) ?? ''] ?? {};
  const texts = Object.keys(newest);

  /** The text with another date: two texts of one form are read or refused alike. */
  const formOf = (text: string) => text.replaceAll(/\d/g, '0');

  it('is known of six of them', () => {
    expect(versions).toEqual(['3.8', '3.9', '3.10', '3.11', '3.12', '3.13']);
    for (const python of versions) expect(Object.keys(pythons[python] ?? {})).toEqual(texts);
  });

  describe.each(versions)('%s', (version) => {
    const readHere = pythons[version] ?? {};
    const forms = new Set(texts.filter((text) => readHere[text]).map(formOf));

    it.each([
      ['with an offset', undefined, '2030-01-02T03:04:05.000Z'],
      ['with an offset and milliseconds', undefined, '2030-01-02T03:04:05.123Z'],
      ['in local time', 'America/New_York', '2030-01-02T08:04:05.000Z'],
    ])('is one that it reads where we write it %s', (_, timeZone, date) => {
      const session = memorySessions({ timeZone }).sessions.open();
      session.setExpiry(new Date(date));
      expect(forms).toContain(formOf(String(session.get('_session_expiry'))));
    });

    it('is in local time one that it reads with milliseconds too', () => {
      const session = memorySessions({ timeZone: 'America/New_York' }).sessions.open();
      session.setExpiry(new Date('2030-01-02T08:04:05.123Z'));
      // The fixture has the date and the fraction apart.
      expect(session.get('_session_expiry')).toBe('2030-01-02T03:04:05.123000');
      expect(readHere['2030-01-02T03:04:05']).toBe('2030-01-02T03:04:05');
      expect(readHere['2030-01-02T03:04:05.123456+00:00']).toBe('2030-01-02T03:04:05.123456+00:00');
    });

    // A departure on purpose: the form without dashes, which only 3.11 and later read, is none for us.
    const BASIC = '20300102T030405';
    it.each(texts)('is for us what it is where it is read: %s', (expiry) => {
      const found = newest[expiry];
      const hasOffset = /(?:Z|[+-]\d\d:?\d\d)$/.test(expiry.slice(10));
      const timeZone = hasOffset ? undefined : 'America/New_York';
      const session = memorySessions({ timeZone }).sessions.open();
      const date = () => session.getExpiryDate({ expiry });
      if (expiry === BASIC) {
        expect(readHere[expiry]).toBe(Number(version.slice(2)) < 11 ? null : found);
        expect(date).toThrow(RangeError);
        return;
      }
      expect([found, null]).toContain(readHere[expiry]);
      // A Date has milliseconds only.
      const iso = String(found).replace(/(\.\d{3})\d{3}/, '$1');
      expect(date()).toEqual(new Date(hasOffset ? iso : `${iso}-05:00`));
    });
  });
});
