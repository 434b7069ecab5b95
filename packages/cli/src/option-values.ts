import { InvalidArgumentError } from 'commander';

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const LONGEST_INTERVAL_MS = 22 * 86_400_000;

/** Milliseconds in a duration such as `500ms`, `30s`, `1h` or `30d`. */
export function duration(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d|w)$/.exec(text) ?? [];
  const ms = Number(amount) * (units[unit] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('It must be a duration such as 500ms, 30s, 15m, 1h or 30d.');
}

/** As `duration`, for a time to wait: no longer than a timer of Node can run, a tenth more included. */
export function interval(text: string): number {
  const ms = duration(text);
  if (ms <= LONGEST_INTERVAL_MS) return ms;
  throw new InvalidArgumentError('It must be at most 22d.');
}

/** A whole number, 1 or more. */
export function count(text: string): number {
  const size = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(size) && size > 0) return size;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}
