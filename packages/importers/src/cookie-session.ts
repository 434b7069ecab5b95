import type { SessionImporter } from '@coatcheck/core';
import { type ImportOptions, mapped, objectInBase64, secretsOf } from './import-options.ts';
import { valueSignedByKeygrip } from './signed-value.ts';

/** What the old site gave to `cookieSession()`. */
export interface CookieSessionOptions extends ImportOptions {
  /** @default 'session' */
  readonly name?: string | undefined;
  readonly keys: readonly string[];
}

/**
 * Takes over the sessions of the npm package `cookie-session`. They say nothing of their end: a copy of the old cookie
 * can begin a session anew for as long as this is mounted.
 *
 * @throws {ImproperlyConfigured} when `keys` is missing or empty
 */
export function fromCookieSession(options: CookieSessionOptions): SessionImporter {
  const { name = 'session', cookie } = options;
  const keys = secretsOf('keys of fromCookieSession', options.keys);
  return {
    name: 'cookie-session',
    cookies: [name, `${name}.sig`].map((each) => ({ ...cookie, name: each })),
    find(cookieHeader) {
      const value = valueSignedByKeygrip(cookieHeader, name, keys);
      const data = value && objectInBase64(value);
      return data ? { data: mapped(data, options) } : undefined;
    },
  };
}
