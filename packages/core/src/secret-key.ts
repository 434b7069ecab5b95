import { inspect } from 'node:util';
import { ImproperlyConfigured } from './errors.ts';

const PLACEHOLDER =
  /change.?me|change.?this|secret.?key|your.?secret|insecure|example|placeholder|keyboard cat/i;
const MIN_LENGTH = 32;
const MIN_DISTINCT = 5;
const REMEDY =
  "make one with: node -p \"require('crypto').randomBytes(48).toString('base64url')\".";

/**
 * The key that signs. Django: `SECRET_KEY`, and the check `security.W009`.
 *
 * @param allowWeak whether any text that is not empty will do
 * @throws {ImproperlyConfigured} when it is missing or weak; the message does not quote it.
 */
export function validateSecretKey(secretKey: unknown, allowWeak: boolean): string {
  if (typeof secretKey !== 'string' || secretKey === '') {
    throw new ImproperlyConfigured(`secretKey (SECRET_KEY) must not be empty; ${REMEDY}`);
  }
  const weakness = allowWeak ? undefined : secretWeakness(secretKey);
  if (weakness) throw new ImproperlyConfigured(`secretKey (SECRET_KEY) ${weakness}; ${REMEDY}`);
  return secretKey;
}

/** What makes a secret key easy to guess; `undefined`: nothing that can be told. */
export function secretWeakness(secretKey: string): string | undefined {
  if (secretKey.length < MIN_LENGTH) return `has fewer than ${MIN_LENGTH} characters`;
  if (new Set(secretKey).size < MIN_DISTINCT) {
    return `has fewer than ${MIN_DISTINCT} distinct characters`;
  }
  return PLACEHOLDER.test(secretKey) ? 'looks like a placeholder' : undefined;
}

/** Keeps the named properties out of what prints, lists or copies the object, even of what shows hidden ones. */
export function hideSecrets<T extends object>(object: T, ...names: (keyof T)[]): T {
  for (const name of names) Object.defineProperty(object, name, { enumerable: false });
  return Object.defineProperty(object, inspect.custom, { value: () => ({ ...object }) });
}
