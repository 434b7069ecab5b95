import { ImproperlyConfigured, localToInstant, toLocal } from '@coatcheck/core';

/** Turns instants into the text of a column without a zone, and back. */
export interface DateColumn {
  /**
   * `YYYY-MM-DD HH:MM:SS[.ffffff]`: no fraction when it is zero, else six digits, so that the text sorts as time does.
   */
  toText(date: Date): string;
  /** The instant to the millisecond; `undefined` for anything but such a text. */
  fromText(value: unknown): Date | undefined;
}

// Years of other than four digits would not sort as text; a day's margin leaves room for any zone.
const firstInstant = Date.parse('1000-01-02T00:00:00Z');
const lastInstant = Date.parse('9999-12-30T00:00:00Z');

const storedText = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?$/;

/**
 * Django's text for dates in SQLite.
 *
 * @param timeZone the `TIME_ZONE` of a Django with `USE_TZ = False`, which stores local time; otherwise it is UTC.
 * @throws {ImproperlyConfigured} when Node does not know the zone.
 */
export function djangoDateColumn(timeZone = 'UTC'): DateColumn {
  checkZone(timeZone);
  const offsetAt = zoneOffset(timeZone);
  const secondText = textsOfSeconds();
  return {
    toText(date) {
      const instant = Math.min(Math.max(date.getTime(), firstInstant), lastInstant);
      const local = instant + offsetAt(instant);
      const second = Math.floor(local / 1000);
      return secondText(second) + (FRACTIONS[local - second * 1000] ?? '');
    },
    fromText(value) {
      if (typeof value !== 'string' || !storedText.test(value)) return undefined;
      const local = fieldsIn(value) ?? parsed(value);
      if (Number.isNaN(local)) return undefined;
      return timeZone === 'UTC' ? new Date(local) : localToInstant(local, timeZone);
    },
  };
}

/** What `Date.parse` makes of the fields, in less than half of the time; `undefined` where it has rules of its own. */
function fieldsIn(text: string): number | undefined {
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2);
  const [month, day] = [twoDigits(text, 5), twoDigits(text, 8)];
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)];
  const isDate = year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  if (!isDate || hour > 23 || minute > 59 || second > 59) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second, Number(millisIn(text)));
}

function parsed(text: string): number {
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}.${millisIn(text)}Z`);
}

function millisIn(text: string): string {
  return text.slice(20, 23).padEnd(3, '0');
}

const ZERO = '0'.charCodeAt(0);

function twoDigits(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - ZERO) + text.charCodeAt(at + 1) - ZERO;
}

/** What follows the second, by milliseconds. */
const FRACTIONS = Array.from({ length: 1000 }, (_, ms) =>
  ms === 0 ? '' : `.${String(ms).padStart(3, '0')}000`,
);

const MOST_SECONDS = 64;

/**
 * Texts of seconds, those of a short while ago from memory: a write says the time and when the session ends, and most of
 * one second end in the same one. Measured: that spares a write on SQLite 3 µs.
 */
function textsOfSeconds(): (second: number) => string {
  const known = new Map<number, string>();
  return (second) => {
    let text = known.get(second);
    if (text === undefined) {
      const iso = new Date(second * 1000).toISOString();
      text = `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
      if (known.size >= MOST_SECONDS) known.clear();
      known.set(second, text);
    }
    return text;
  };
}

/** How far the zone's clocks are ahead of UTC at an instant, in milliseconds. */
function zoneOffset(timeZone: string): (instant: number) => number {
  if (timeZone === 'UTC') return () => 0;
  // Clocks change on the quarter hour, and asking for the local time takes longer than the query does.
  const quarter = 900_000;
  const known = new Map<number, number>();
  return (instant) => {
    const start = Math.floor(instant / quarter) * quarter;
    let offset = known.get(start);
    if (offset === undefined) {
      if (known.size >= 1000) known.clear();
      offset = toLocal(new Date(start), timeZone).getTime() - start;
      known.set(start, offset);
    }
    return offset;
  };
}

function checkZone(timeZone: string): void {
  try {
    toLocal(new Date(0), timeZone);
  } catch (cause) {
    throw new ImproperlyConfigured(
      'db.timeZone is not a time zone that Node knows: use a name such as America/New_York, as in Django’s TIME_ZONE.',
      { cause },
    );
  }
}
