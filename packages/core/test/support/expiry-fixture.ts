import {
  createSessions,
  type ExpiryOptions,
  type SessionStore,
  type Sessions,
} from '@coatcheck/core';
import { expect } from '@jest/globals';
import { MemoryBackend } from './memory-backend.ts';
import { type Entries, type Options, putRaw, SECRET_KEY, signed } from './sqlite-sessions.ts';

/** What a call did in Django. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: string };

interface Getters {
  age: Outcome<number | boolean | string>;
  date: Outcome<string>;
}

/** The files `expiry-*.json`. */
export interface ExpiryFixture {
  use_tz: boolean;
  time_zone: string;
  now: number;
  session_cookie_age: number;
  stored_values: (Getters & { stored: unknown; browser_close: Outcome<boolean> })[];
  set_expiry: (Getters & {
    call: string;
    stored: unknown;
    modified: boolean;
    browser_close: Outcome<boolean>;
    encodes: Outcome<boolean>;
  })[];
  keyword_arguments: { stored_expiry: number; cases: (Getters & { call: string })[] };
}

/** The instant of a date as Python prints it, to the millisecond; local in New York where it has no offset. */
function instant(text: string): Date {
  const milliseconds = text.replace(/(\.\d{3})\d{3}/, '$1');
  // None of the fixtures is in summer, so the zone's offset is known.
  return new Date(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? milliseconds : `${milliseconds}-05:00`);
}

/** The same, where a date without offset is one that the settings take for UTC. */
export function instantIn(useTz: boolean, text: string): Date {
  return useTz && !/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? instant(`${text}Z`) : instant(text);
}

/** Asserts the age, or the error that stands for Django's. */
export function expectAge(
  session: SessionStore<Entries>,
  expected: Outcome<unknown>,
  options = {},
): void {
  const age = () => session.getExpiryAge(options);
  // A ValueError is a RangeError here.
  if (expected.ok) expect(age()).toBe(Number(expected.value));
  else expect(age).toThrow(expected.error === 'TypeError' ? TypeError : RangeError);
}

/** Asserts the date, or that there is none. */
export function expectDate(
  session: SessionStore<Entries>,
  expected: Outcome<string>,
  useTz: boolean,
  options = {},
): void {
  const date = () => session.getExpiryDate(options);
  if (expected.ok) expect(date()).toEqual(instantIn(useTz, expected.value));
  else expect(date).toThrow(RangeError);
}

/** Sessions with the settings of the fixture. */
export function createPlace(
  { use_tz, time_zone, now, session_cookie_age }: ExpiryFixture,
  options: Options = {},
): Sessions<Entries> {
  const clock = () => new Date(now * 1000);
  return createSessions<Entries>({
    backend: new MemoryBackend({ now: clock, answers: 'synchronously' }),
    secretKey: SECRET_KEY,
    cookie: { age: session_cookie_age },
    timeZone: use_tz ? undefined : time_zone,
    now: clock,
    ...options,
  });
}

/** A store whose record Django has written. */
export async function openStored(
  fixture: ExpiryFixture,
  stored: unknown,
  options: Options = {},
): Promise<SessionStore<Entries>> {
  const sessions = createPlace(fixture, options);
  const now = sessions.settings.now();
  const data = signed(JSON.stringify({ _session_expiry: stored }), now);
  return sessions.open(await putRaw(sessions.backend, data, now));
}

const base = 1_700_000_000;
const ARGUMENTS: Record<string, { modification?: number; expiry?: number | Date | null }> = {
  'modification only': { modification: base - 10 },
  'expiry=None': { expiry: null },
  'expiry=0': { expiry: 0 },
  'expiry=90': { expiry: 90 },
  'expiry=90, modification 10 s ago': { expiry: 90, modification: base - 10 },
  'expiry=datetime in 60 s': { expiry: new Date((base + 60) * 1000) },
  'expiry=datetime in 60 s, modification 10 s ago': {
    expiry: new Date((base + 60) * 1000),
    modification: base - 10,
  },
  'expiry=datetime 60.9 s ahead of modification': {
    expiry: new Date((base + 60.9) * 1000),
    modification: base,
  },
  'expiry=datetime 0.4 s before modification': {
    expiry: new Date((base - 0.4) * 1000),
    modification: base,
  },
};

/** The options of the getters that the fixture calls by this name. */
export function argumentsOf(call: string): ExpiryOptions {
  const found = ARGUMENTS[call];
  if (!found) throw new Error(`No arguments for ${call}`);
  const { modification, ...rest } = found;
  return {
    ...rest,
    ...(modification !== undefined && { modification: new Date(modification * 1000) }),
  };
}
