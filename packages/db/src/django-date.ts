import { ImproperlyConfigured } from '@coatcheck/core';

/** Turns instants into the text of a column without a zone, and back. */
export interface DateColumn {
  /**
   * `YYYY-MM-DD HH:MM:SS[.ffffff]`: no fraction when it is zero, else six digits, so that the text sorts as time does.
   */
  toText(date: Date): string;
  /** The instant to the millisecond; `undefined` for anything but such a text. */
  fromText(value: unknown): Date | undefined;
}

// Years outside Python's 1 to 9999 would not sort as text; a day's margin leaves room for any zone.
const firstInstant = Date.parse('0001-01-02T00:00:00Z');
const lastInstant = Date.parse('9999-12-30T00:00:00Z');

const storedText = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/**
 * Django's text for dates in SQLite.
 *
 * @param timeZone the `TIME_ZONE` of a Django with `USE_TZ = False`, which stores local time; otherwise it is UTC.
 * @throws {ImproperlyConfigured} when Node does not know the zone.
 */
export function djangoDateColumn(timeZone = 'UTC'): DateColumn {
  const offsetAt = zoneOffset(timeZone);
  return {
    toText(date) {
      const instant = Math.min(Math.max(date.getTime(), firstInstant), lastInstant);
      const text = new Date(instant + offsetAt(instant)).toISOString();
      const fraction = text.slice(20, 23);
      const seconds = `${text.slice(0, 10)} ${text.slice(11, 19)}`;
      return fraction === '000' ? seconds : `${seconds}.${fraction}000`;
    },
    fromText(value) {
      const found = typeof value === 'string' ? storedText.exec(value) : null;
      if (!found) return undefined;
      const [, year, month, day, hour, minute, second, fraction = ''] = found;
      const ms = fraction.slice(0, 3).padEnd(3, '0');
      const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
      return Number.isNaN(local) ? undefined : new Date(toInstant(local, offsetAt));
    },
  };
}

/**
 * The instant of a local time. When the clock is set back, an hour stands twice: this is the first of the two, as in
 * Python (`fold=0`); of an hour that the clock skipped it reads as if it had not.
 */
function toInstant(local: number, offsetAt: (instant: number) => number): number {
  const day = 86_400_000;
  const before = local - offsetAt(local - day);
  if (before + offsetAt(before) === local) return before;
  const after = local - offsetAt(local + day);
  return after + offsetAt(after) === local ? after : before;
}

/** How far the zone's clocks are ahead of UTC at an instant, in milliseconds. */
function zoneOffset(timeZone: string): (instant: number) => number {
  const format = zoneFormat(timeZone);
  if (format.resolvedOptions().timeZone === 'UTC') return () => 0;

  // Clocks change on the quarter hour, and asking Intl takes longer than the query does.
  const quarter = 900_000;
  const known = new Map<number, number>();
  return (instant) => {
    const start = Math.floor(instant / quarter) * quarter;
    let offset = known.get(start);
    if (offset === undefined) {
      if (known.size >= 1000) known.clear();
      offset = localTime(format, start) - start;
      known.set(start, offset);
    }
    return offset;
  };
}

function localTime(format: Intl.DateTimeFormat, instant: number): number {
  const fields: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(instant)) fields[type] = value;
  const { year = '', month, day, hour, minute, second } = fields;
  return Date.parse(`${year.padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  const two = '2-digit';
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    });
  } catch (cause) {
    throw new ImproperlyConfigured(
      'db.timeZone is not a time zone that Node knows: use a name such as America/New_York, as in Django’s TIME_ZONE.',
      { cause },
    );
  }
}
