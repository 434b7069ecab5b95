import { localToInstant, toLocal } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { isTimeZone } from '../src/time-zone.ts';

describe('isTimeZone', () => {
  it('knows the zones of Node and no others', () => {
    for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu']) {
      expect(isTimeZone(zone)).toBe(true);
    }
    for (const zone of ['', 'Mars/Olympus', 'Berlin', '../etc/passwd']) {
      expect(isTimeZone(zone)).toBe(false);
    }
  });
});

describe('toLocal', () => {
  it.each([
    ['America/New_York', '2023-11-28T22:13:20.123Z', '2023-11-28T17:13:20.123Z'],
    ['America/New_York', '2023-07-01T00:00:00.000Z', '2023-06-30T20:00:00.000Z'],
    ['Asia/Kathmandu', '2023-12-31T18:15:00.000Z', '2024-01-01T00:00:00.000Z'],
    ['Europe/Berlin', '2024-02-29T23:30:00.999Z', '2024-03-01T00:30:00.999Z'],
    ['Europe/Berlin', '1969-12-31T23:59:59.999Z', '1970-01-01T00:59:59.999Z'],
    ['UTC', '9999-12-31T23:59:59.000Z', '9999-12-31T23:59:59.000Z'],
  ])('in %s shows %s as %s', (zone, instant, local) => {
    expect(toLocal(new Date(instant), zone)).toEqual(new Date(local));
  });
});

describe('localToInstant', () => {
  it.each(['America/New_York', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC'])(
    'is the reverse of toLocal in %s, at every hour of a year but those that stand twice',
    (zone) => {
      const start = Date.UTC(2023, 0, 1);
      let repeated = 0;
      for (let hour = 0; hour < 365 * 24; hour += 1) {
        const instant = new Date(start + hour * 3_600_000 + 123);
        const back = localToInstant(toLocal(instant, zone).getTime(), zone);
        if (back.getTime() !== instant.getTime()) {
          // The second of two equal local times reads as the first.
          repeated += 1;
          expect(back < instant).toBe(true);
          expect(toLocal(back, zone)).toEqual(toLocal(instant, zone));
        }
      }
      expect(repeated).toBeLessThanOrEqual(1);
    },
  );

  it('takes the first of two equal local times, as Python does (fold=0)', () => {
    const local = Date.UTC(2023, 10, 5, 1, 30);
    expect(localToInstant(local, 'America/New_York')).toEqual(new Date('2023-11-05T05:30:00Z'));
    const berlin = Date.UTC(2023, 9, 29, 2, 30);
    expect(localToInstant(berlin, 'Europe/Berlin')).toEqual(new Date('2023-10-29T00:30:00Z'));
  });

  it('reads a local time that the clock skipped as if it had not, as Python does', () => {
    const local = Date.UTC(2023, 2, 12, 2, 30);
    expect(localToInstant(local, 'America/New_York')).toEqual(new Date('2023-03-12T07:30:00Z'));
  });
});
