import { ImproperlyConfigured } from './errors.ts';
import { MOST_SECONDS } from './session-cookie.ts';
import type { SessionsOptions, Settings } from './settings.ts';

/** The options that take such a value. */
type Named<Value> = {
  [Name in keyof SessionsOptions]-?: Value extends SessionsOptions[Name] ? Name : never;
}[keyof SessionsOptions];

/** A flag; off unless it is set. @throws {ImproperlyConfigured} */
export function flag(options: SessionsOptions, name: Named<true>): boolean {
  const value: unknown = options[name];
  if (value === undefined) return false;
  if (typeof value !== 'boolean') {
    throw new ImproperlyConfigured(`${name} must be true or false, not ${describe(value)}.`);
  }
  return value;
}

/** Seconds, if they are set. @throws {ImproperlyConfigured} */
export function seconds(options: SessionsOptions, name: Named<1>): number | undefined {
  return options[name] === undefined
    ? undefined
    : positive(options, name, 0, { unit: 'seconds', most: MOST_SECONDS });
}

/** Which positive numbers an option takes. */
interface Limits {
  /** For the message. */
  readonly unit?: string;
  readonly most?: number;
  readonly whole?: boolean;
}

/** A positive number, else the default. @throws {ImproperlyConfigured} */
export function positive(
  options: SessionsOptions,
  name: Named<1>,
  otherwise: number,
  { unit = '', most = Number.MAX_SAFE_INTEGER, whole = false }: Limits = {},
): number {
  const { [name]: value = otherwise }: { readonly [key: string]: unknown } = { ...options };
  const isInRange = typeof value === 'number' && value > 0 && value <= most;
  if (!isInRange || (whole && !Number.isInteger(value))) {
    const kind = whole && isInRange ? 'a positive whole number' : 'a positive number';
    const limit = Number(value) > most && Number.isFinite(value) ? `, ${most} at most` : '';
    throw new ImproperlyConfigured(
      `${name} must be ${kind}${unit && ` of ${unit}`}${limit}, not ${describe(value)}.`,
    );
  }
  return value;
}

/** One of two words, the first by default. @throws {ImproperlyConfigured} */
export function choice<Name extends 'onInterrupted' | 'onUnavailable'>(
  options: SessionsOptions,
  name: Name,
  allowed: readonly [Settings[Name], Settings[Name]],
): Settings[Name] {
  const value = options[name] ?? allowed[0];
  const found = allowed.find((candidate) => candidate === value);
  if (!found) {
    throw new ImproperlyConfigured(
      `${name} must be '${allowed.join("' or '")}', not ${describe(value)}.`,
    );
  }
  return found;
}

/** A wrong value in a message: its type, and the value itself only where it cannot be a secret. */
export function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null)
    return String(value);
  return typeof value === 'string'
    ? `the text ${JSON.stringify(value.slice(0, 40))}`
    : `a value of type ${typeof value}`;
}
