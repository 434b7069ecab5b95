import { describe, expect, it } from '@jest/globals';
import { djangoDateColumn } from '../src/django-date.ts';

const utc = djangoDateColumn();
const newYork = djangoDateColumn('America/New_York');

describe('the text of an expiry', () => {
  it.each([
    ['2023-11-28T22:13:20.000Z', '2023-11-28 22:13:20'],
    ['2023-11-28T22:13:20.123Z', '2023-11-28 22:13:20.123000'],
    ['2023-11-28T22:13:20.001Z', '2023-11-28 22:13:20.001000'],
    ['1969-12-31T23:59:59.999Z', '1969-12-31 23:59:59.999000'],
  ])('%s is stored as %s and read back', (instant, text) => {
    expect(utc.toText(new Date(instant))).toBe(text);
    expect(utc.fromText(text)?.toISOString()).toBe(instant);
  });

  it('loses only what a Date cannot hold', () => {
    const read = utc.fromText('2023-11-28 22:13:20.123999');
    expect(read?.toISOString()).toBe('2023-11-28T22:13:20.123Z');
  });

  it('is read as the same text in ISO form is', () => {
    const dates = [
      '0000-01-01',
      '0050-06-15',
      '0099-12-31',
      '0100-01-01',
      '1582-10-10',
      '2020-02-29',
    ];
    dates.push('2021-02-29', '2021-02-31', '2021-04-31', '2021-00-10', '2021-13-10', '2021-01-00');
    const times = ['00:00:00', '23:59:59.9', '12:34:56.04', '12:34:56.000999', '24:00:00'];
    times.push('24:00:01', '12:60:00', '12:00:60');
    for (const date of [...dates, '2021-01-32', '9999-12-31']) {
      for (const time of times) {
        const [clock, fraction = ''] = time.split('.');
        const ms = Date.parse(`${date}T${clock}.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
        const expected = Number.isNaN(ms) ? undefined : new Date(ms);
        expect([date, time, utc.fromText(`${date} ${time}`)]).toEqual([date, time, expected]);
      }
    }
  });

  it('sorts as time does', () => {
    const start = Date.parse('2023-11-28T22:13:19.000Z');
    const texts = Array.from({ length: 3000 }, (_, ms) => utc.toText(new Date(start + ms)));
    expect([...texts].sort()).toEqual(texts);
  });

  it('is the same whatever was asked for before', () => {
    // In steps that come to every second of a minute again, and to more of them than are kept.
    const start = Date.parse('2023-11-28T22:13:20.000Z');
    for (let i = 0; i < 1000; i += 1) {
      const iso = new Date(start + ((i * 7919) % 1000) * 123_457).toISOString();
      const fraction = iso.endsWith('.000Z') ? '' : `${iso.slice(19, 23)}000`;
      const text = `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction}`;
      expect(utc.toText(new Date(iso))).toBe(text);
      const again = new Date(start + i);
      expect(utc.fromText(utc.toText(again))).toEqual(again);
    }
  });

  it('stays within the years of four digits, so that it still sorts', () => {
    expect(utc.toText(new Date(8.64e15))).toBe('9999-12-30 00:00:00');
    expect(utc.toText(new Date(-8.64e15))).toBe('1000-01-02 00:00:00');
    expect(newYork.toText(new Date(8.64e15))).toMatch(/^9999-12-29 19:00:00/);
    expect(newYork.toText(new Date(-8.64e15))).toMatch(/^1000-01-01 /);
  });

  it.each([
    '2023-11-28T22:13:20',
    '2023-11-28 22:13:20Z',
    '2023-11-28 22:13:20.1234567',
    '2023-13-41 99:99:99',
    '',
    null,
    1700000000,
    undefined,
  ])('is nothing else: %p', (value) => {
    expect(utc.fromText(value)).toBeUndefined();
  });
});

describe('local time', () => {
  it.each([
    ['in winter', '2023-11-28T22:13:20.000Z', '2023-11-28 17:13:20'],
    ['in summer', '2023-07-28T22:13:20.500Z', '2023-07-28 18:13:20.500000'],
    [
      'a moment before the clocks go forward',
      '2023-03-12T06:59:59.999Z',
      '2023-03-12 01:59:59.999000',
    ],
    ['when the clocks go forward', '2023-03-12T07:00:00.000Z', '2023-03-12 03:00:00'],
    [
      'in the hour that stands twice, the first time',
      '2023-11-05T05:30:00.000Z',
      '2023-11-05 01:30:00',
    ],
    ['after that hour', '2023-11-05T07:00:00.000Z', '2023-11-05 02:00:00'],
  ])('%s', (_, instant, text) => {
    expect(newYork.toText(new Date(instant))).toBe(text);
    expect(newYork.fromText(text)?.toISOString()).toBe(instant);
  });

  it('in the hour that stands twice is the first one when it is read, as in Python', () => {
    expect(newYork.toText(new Date('2023-11-05T06:30:00Z'))).toBe('2023-11-05 01:30:00');
    expect(newYork.fromText('2023-11-05 01:30:00')?.toISOString()).toBe('2023-11-05T05:30:00.000Z');
  });

  it('in the hour that is skipped reads as if the clocks had not changed yet', () => {
    expect(newYork.fromText('2023-03-12 02:30:00')?.toISOString()).toBe('2023-03-12T07:30:00.000Z');
  });

  it('differs from UTC by half hours too', () => {
    const nepal = djangoDateColumn('Asia/Kathmandu');
    const instant = new Date('2023-11-28T22:13:20Z');
    expect(nepal.toText(instant)).toBe('2023-11-29 03:58:20');
    expect(nepal.fromText('2023-11-29 03:58:20')).toEqual(instant);
  });
});
