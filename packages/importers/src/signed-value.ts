import { createHmac, timingSafeEqual } from 'node:crypto';
import { onlyValue } from './import-options.ts';

/** The value of a cookie that the npm package `cookies` has signed, by Keygrip, in a second cookie. */
export function valueSignedByKeygrip(
  cookieHeader: string,
  name: string,
  keys: readonly string[],
): string | undefined {
  const value = onlyValue(cookieHeader, name);
  const signature = value && onlyValue(cookieHeader, `${name}.sig`);
  if (!signature) return undefined;
  const isSigned = keys.some((key) => {
    const mac = createHmac('sha1', key).update(`${name}=${value}`).digest('base64url');
    return isEqual(mac, signature);
  });
  return isSigned ? value : undefined;
}

/** What the npm package `cookie-signature` has signed: `value.signature`. */
export function unsigned(text: string, secrets: readonly string[]): string | undefined {
  const dot = text.lastIndexOf('.');
  if (dot < 1) return undefined;
  const [value, signature] = [text.slice(0, dot), text.slice(dot + 1)];
  const isSigned = secrets.some((secret) => {
    const mac = createHmac('sha256', secret).update(value).digest('base64').replace(/=+$/, '');
    return isEqual(mac, signature);
  });
  return isSigned ? value : undefined;
}

/** Tells nothing by the time it takes, but whether the lengths differ. */
function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
