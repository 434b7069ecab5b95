import { ImproperlyConfigured } from '@coatcheck/core';

/** How Django's cache makes keys: `KEY_PREFIX:VERSION:key`. */
export interface KeyOptions {
  /**
   * Keeps applications apart that share a server: printable ASCII without spaces, backslashes and the glob
   * characters `*?[]`. Django: `KEY_PREFIX`.
   *
   * @default none
   */
  readonly keyPrefix?: string | undefined;
  /** Django: `VERSION`. @default 1 */
  readonly version?: number | undefined;
}

/** Django: `SessionStore.cache_key_prefix` of its cache engine. */
export const sessionCacheName = 'django.contrib.sessions.cache';

/**
 * What every key of these sessions begins with.
 *
 * @param section of the settings, for messages.
 * @throws {ImproperlyConfigured} when a setting could let keys of different applications meet.
 */
export function keyStart(
  { keyPrefix = '', version = 1 }: KeyOptions,
  name: string,
  section = 'cache',
): string {
  if (typeof keyPrefix !== 'string' || !/^[!-~]*$/.test(keyPrefix) || /[*?[\]\\]/.test(keyPrefix)) {
    throw new ImproperlyConfigured(
      `${section}.keyPrefix must be printable ASCII without spaces, backslashes and the characters *?[].`,
    );
  }
  if (!(Number.isSafeInteger(version) && version >= 0)) {
    throw new ImproperlyConfigured(`${section}.version must be a whole number, as in Django.`);
  }
  return `${keyPrefix}:${version}:${name}`;
}
