import { localToInstant, toLocal } from './time-zone.ts';

/** The entry that holds a session's own expiry: seconds, 0 for browser close, or an ISO date. Django's name. */
export const EXPIRY_ENTRY = '_session_expiry';

/** What `setExpiry` takes: seconds of inactivity, an instant, 0 for browser close, null for the default. */
export type Expiry = number | Date | null;

/** What the expiry getters take instead of the present state. Django: keyword arguments of the same names. */
export interface ExpiryOptions {
  /** @default now */
  readonly modification?: Date;
  /** What is stored, seconds or ISO text; given, even as null, it keeps the session from being loaded. */
  readonly expiry?: number | string | Date | null;
}

export interface ExpirySettings {
  /** Seconds. Django: `SESSION_COOKIE_AGE`. */
  readonly age: number;
  readonly expireAtBrowserClose: boolean;
  /** The local zone of a Django with `USE_TZ` off; `undefined`: dates carry an offset, as with `USE_TZ` on. */
  readonly timeZone: string | undefined;
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:.(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?)?)?$/su;

/** Which Djangos read what is stored: settings of the same names. */
export interface ExpiryForm {
  readonly timeZone: string | undefined;
  readonly django: '3.2' | undefined;
}

/**
 * The form in which an expiry is stored. Django: `set_expiry`. For a Django 3.2, which cannot store dates as JSON, a
 * date becomes seconds; like all seconds they count from each save, so that every later save moves the end.
 *
 * @throws {TypeError} for anything but a finite number, a valid date or a boolean, which Python counts as a number.
 * @throws {RangeError} for a date outside the years 1 to 9999 and for more seconds than dates have.
 */
export function storedExpiry(
  value: number | Date | boolean,
  { timeZone, django }: ExpiryForm,
  now: Date,
): number | boolean | string {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) {
    assertDate(new Date(now.getTime() + value * 1000));
    return value;
  }
  if (isDate(value)) {
    const text = isoText(value, timeZone);
    return django === '3.2' ? secondsUntil(value, now) : text;
  }
  throw new TypeError('setExpiry takes a number of seconds, a valid Date, 0 or null.');
}

/**
 * The expiry in a form that a Django 3.2 reads: seconds instead of a date that a newer one, or `set`, stored.
 * `undefined`: what nobody can read, and counts as no expiry.
 */
export function expiryFor32(stored: unknown, settings: ExpirySettings, now: Date): unknown {
  // Falsy texts are none in Django.
  if (!stored || typeof stored === 'number' || typeof stored === 'boolean') return stored;
  try {
    return secondsUntil(expiryDate(stored, now, settings), now);
  } catch {
    return undefined;
  }
}

/**
 * Refuses what no session can have as its stored expiry; `setExpiry` makes what can.
 *
 * @throws {TypeError} with the remedy.
 */
export function assertExpiry(stored: unknown): void {
  if (typeof stored === 'boolean' || (typeof stored === 'number' && Number.isFinite(stored)))
    return;
  if (typeof stored === 'string' && ISO.test(stored)) return;
  throw new TypeError(
    `The entry ${EXPIRY_ENTRY} takes a number of seconds or an ISO date; use setExpiry(value).`,
  );
}

/**
 * Seconds from `modification` until the session expires. Zero or less: it has expired. Django: `get_expiry_age`.
 *
 * @throws {RangeError} when the stored text is no date.
 * @throws {TypeError} when the text has an offset and the settings are for local dates, or the other way round.
 */
export function expiryAge(stored: unknown, modification: Date, settings: ExpirySettings): number {
  if (!stored) return settings.age;
  if (typeof stored === 'number' || typeof stored === 'boolean') return Number(stored);
  const { date, hasOffset } = readDate(stored, settings.timeZone);
  if (hasOffset === (settings.timeZone !== undefined)) {
    throw new TypeError(
      hasOffset
        ? 'The stored expiry has an offset, but the timeZone setting is for local dates.'
        : 'The stored expiry is a local date; set timeZone to the zone of the Django that wrote it.',
    );
  }
  return Math.floor((date.getTime() - modification.getTime()) / 1000);
}

/**
 * The instant at which the session expires, if last modified at `modification`. Django: `get_expiry_date`.
 *
 * @throws {RangeError} when the stored text is no date, or the number more seconds than dates have.
 */
export function expiryDate(stored: unknown, modification: Date, settings: ExpirySettings): Date {
  if (typeof stored === 'string' || isDate(stored)) return readDate(stored, settings.timeZone).date;
  const isSeconds = typeof stored === 'number' || typeof stored === 'boolean';
  if (stored && !isSeconds) throw unreadable();
  const age = isSeconds && stored ? Number(stored) : settings.age;
  return assertDate(new Date(modification.getTime() + age * 1000));
}

/** Whether the session ends with the browser. Django: `get_expire_at_browser_close`. */
export function expiresAtBrowserClose(stored: unknown, settings: ExpirySettings): boolean {
  if (stored === undefined || stored === null) return settings.expireAtBrowserClose;
  return stored === 0 || stored === false;
}

function readDate(
  stored: unknown,
  timeZone: string | undefined,
): { date: Date; hasOffset: boolean } {
  if (isDate(stored)) return { date: stored, hasOffset: timeZone === undefined };
  const match = typeof stored === 'string' ? ISO.exec(stored) : null;
  if (!match) throw unreadable();
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset] =
    match;
  const ms = fraction.padEnd(3, '0').slice(0, 3);
  // Not Date.UTC, which takes the years 0 to 99 for those of the twentieth century.
  const utc = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  if (!isSameDay(utc, Number(month), Number(day))) {
    throw new RangeError('The stored expiry is a date that does not exist.');
  }
  if (offset === undefined) {
    return { date: timeZone ? localToInstant(utc, timeZone) : new Date(utc), hasOffset: false };
  }
  return { date: new Date(utc - offsetMs(offset)), hasOffset: true };
}

function isSameDay(utc: number, month: number, day: number): boolean {
  const date = new Date(utc);
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0;
  const digits = offset.replaceAll(/[^\d]/g, '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4));
  const ms = (minutes * 60 + Number(digits.slice(4, 6))) * 1000;
  return offset.startsWith('-') ? -ms : ms;
}

// The one form that every Python reads: no fraction or six digits, and never a "Z".
function isoText(date: Date, timeZone: string | undefined): string {
  const iso = (timeZone ? toLocal(date, timeZone) : date).toISOString();
  if (iso.length !== 24 || iso.startsWith('0000')) {
    throw new RangeError(
      'An expiry must be in the years 1 to 9999, which are all that Python has.',
    );
  }
  const fraction = iso.slice(20, 23);
  const text = fraction === '000' ? iso.slice(0, 19) : `${iso.slice(0, 23)}000`;
  return timeZone ? text : `${text}+00:00`;
}

/** Whole seconds, so that the session ends no earlier; never 0, which would mean the browser's end. */
function secondsUntil(date: Date, now: Date): number {
  return Math.ceil((date.getTime() - now.getTime()) / 1000) || -1;
}

function unreadable(): RangeError {
  return new RangeError('The stored expiry is neither a number nor an ISO date.');
}

function assertDate(date: Date): Date {
  if (Number.isNaN(date.getTime())) {
    throw new RangeError('The expiry has more seconds than dates have; store fewer.');
  }
  return date;
}

// Not instanceof: a date of another realm is a date too.
function isDate(value: unknown): value is Date {
  return (
    Object.prototype.toString.call(value) === '[object Date]' &&
    !Number.isNaN((value as Date).getTime())
  );
}
