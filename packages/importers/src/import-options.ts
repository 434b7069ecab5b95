import { cookieValues, ImproperlyConfigured, SessionError } from '@coatcheck/core';

/** What every importer takes. */
export interface ImportOptions {
  /**
   * What the session here has, of what the old one had, such as `({ passport, ...rest }) => ({ ...rest, user:
   * passport?.user })`. What it throws fails the request, as the cause of a `SessionError`.
   *
   * @default all of it
   */
  readonly map?: ((data: Record<string, unknown>) => Record<string, unknown>) | undefined;
  /** Where the old cookie was valid, so that the browser can be told to forget it. @default this host, path `/` */
  readonly cookie?:
    | { readonly domain?: string | undefined; readonly path?: string | undefined }
    | undefined;
}

/**
 * What the session here has of the old data.
 *
 * @throws {SessionError} where the application's function throws: the old store did answer, and is no outage
 */
export function mapped(
  data: Record<string, unknown>,
  { map }: Pick<ImportOptions, 'map'>,
): Record<string, unknown> {
  if (!map) return data;
  try {
    return map(data);
  } catch (cause) {
    throw new SessionError('The option map of an importer failed for a session.', { cause });
  }
}

/** A cookie that is longer than browsers keep is none of the framework's. */
const LONGEST_VALUE = 4096;

/** The one value that the cookie has; several are of unknown origin. */
export function onlyValue(cookieHeader: string, name: string): string | undefined {
  const [value, ...others] = cookieValues(cookieHeader, name);
  return others.length > 0 || (value?.length ?? 0) > LONGEST_VALUE ? undefined : value;
}

/** Secrets as a list. @throws {ImproperlyConfigured} where there is none, or one is empty */
export function secretsOf(setting: string, value: unknown): readonly string[] {
  const secrets: unknown[] = Array.isArray(value) ? value : [value];
  const isText = (secret: unknown): secret is string => typeof secret === 'string' && secret !== '';
  if (secrets.length > 0 && secrets.every(isText)) return secrets;
  throw new ImproperlyConfigured(
    `${setting} must be what signed the old cookies: a text, or a list of texts, none of them empty.`,
  );
}

/** @throws {ImproperlyConfigured} where the store lacks what is called */
export function assertStore(importer: string, store: unknown): void {
  const { get, destroy } = (store ?? {}) as { get?: unknown; destroy?: unknown };
  if (typeof get === 'function' && typeof destroy === 'function') return;
  throw new ImproperlyConfigured(
    `${importer} needs the old store, an object with get and destroy, as the option store.`,
  );
}

/** An object that is no list, as sessions are; `undefined` for anything else. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

/** The object in base64 of JSON; `undefined` where there is none. */
export function objectInBase64(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(Buffer.from(text, 'base64').toString('utf8')));
  } catch {
    return undefined;
  }
}
