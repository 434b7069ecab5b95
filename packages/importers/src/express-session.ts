import type { ImportedSession, SessionImporter } from '@coatcheck/core';
import {
  asObject,
  assertStore,
  type ImportOptions,
  mapped,
  onlyValue,
  secretsOf,
} from './import-options.ts';
import { unsigned } from './signed-value.ts';

/** What is called of a store of express-session; `connect-redis`, `connect-pg-simple` and all others are one. */
export interface ExpressStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): unknown;
  destroy(sid: string, callback: (error?: unknown) => void): unknown;
}

/** What the old site gave to `session()`. */
export interface ExpressSessionOptions extends ImportOptions {
  /** @default 'connect.sid' */
  readonly name?: string | undefined;
  readonly secret: string | readonly string[];
  readonly store: ExpressStore;
}

const LONGEST_ID = 512;

/**
 * Takes over the sessions of `express-session`, from the store that they are in.
 *
 * @throws {ImproperlyConfigured} when `secret` or `store` is missing
 */
export function fromExpressSession(options: ExpressSessionOptions): SessionImporter {
  const { name = 'connect.sid', store, cookie } = options;
  const secrets = secretsOf('secret of fromExpressSession', options.secret);
  assertStore('fromExpressSession', store);
  return {
    name: 'express-session',
    cookies: [{ ...cookie, name }],
    find(cookieHeader, now) {
      const id = idIn(onlyValue(cookieHeader, name), secrets);
      if (id === undefined) return undefined;
      return {
        id,
        async read() {
          const session = asObject(await fromStore(store, id));
          return session && imported(session, now, options);
        },
        remove: () =>
          new Promise((resolve, reject) => {
            store.destroy(id, (error) => (error ? reject(error) : resolve()));
          }),
      };
    },
  };
}

/** The session's id in `s:id.signature`, percent-encoded. */
function idIn(value: string | undefined, secrets: readonly string[]): string | undefined {
  try {
    const text = value && decodeURIComponent(value);
    if (!text?.startsWith('s:')) return undefined;
    const id = unsigned(text.slice(2), secrets);
    return id && id.length <= LONGEST_ID ? id : undefined;
  } catch {
    return undefined;
  }
}

function fromStore(store: ExpressStore, id: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    store.get(id, (error, session) => {
      // As express-session takes it: a store of files has no such file.
      const isMissing = (error as { code?: unknown } | null | undefined)?.code === 'ENOENT';
      if (error && !isMissing) reject(error);
      else resolve(session);
    });
  });
}

function imported(
  { cookie, ...data }: Record<string, unknown>,
  now: Date,
  options: ImportOptions,
): ImportedSession | undefined {
  const { expires } = asObject(cookie) ?? {};
  if (typeof expires !== 'string' && !(expires instanceof Date))
    return { data: mapped(data, options) };
  const expiresAt = new Date(expires);
  return expiresAt > now ? { data: mapped(data, options), expiresAt } : undefined;
}
