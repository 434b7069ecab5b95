const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether this Node knows the zone, such as `Europe/Berlin`. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** A date whose UTC fields are the local ones of `date` in the zone: for formatting only. */
export function toLocal(date: Date, timeZone: string): Date {
  const fields: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(date))
    fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  const ms = ((date.getTime() % 1000) + 1000) % 1000;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
}

/**
 * The instant whose local fields in the zone are those of `utc`, read as UTC. Where the clock is set back the hour
 * stands twice; this is the first of the two, as in Python (`fold=0`).
 */
export function localToInstant(utc: number, timeZone: string): Date {
  const day = 86_400_000;
  // The offsets around the instant: one is right, and before a change of clocks it is the earlier one.
  for (const near of [utc - day, utc + day]) {
    const offset = toLocal(new Date(near), timeZone).getTime() - near;
    const instant = new Date(utc - offset);
    if (toLocal(instant, timeZone).getTime() === utc) return instant;
  }
  // A local time that the clock skipped.
  const before = toLocal(new Date(utc - day), timeZone).getTime() - (utc - day);
  return new Date(utc - before);
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}
