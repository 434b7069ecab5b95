import type { ImportedSession, SessionImporter } from '@coatcheck/core';
import {
  asObject,
  assertStore,
  type ImportOptions,
  mapped,
  objectInBase64,
  secretsOf,
} from './import-options.ts';
import { valueSignedByKeygrip } from './signed-value.ts';

/** What is called of an external store of koa-session. */
export interface KoaStore {
  get(key: string, maxAge: undefined, options: object): unknown;
  destroy(key: string, options: object): unknown;
}

/** What the old site gave to `session()`, and the `keys` of its application. */
export interface KoaSessionOptions extends ImportOptions {
  /** The cookie's name. @default 'koa.sess' */
  readonly key?: string | undefined;
  /** `app.keys` of the old site. */
  readonly keys: readonly string[];
  /** The external store, where there was one. @default none: the sessions are in their cookies */
  readonly store?: KoaStore | undefined;
  /** Where the old site had a function of its own: throws for what is no session. @default base64 of JSON */
  readonly decode?: ((text: string) => unknown) | undefined;
}

/**
 * Takes over the sessions of `koa-session`, in cookies or in an external store; signed ones alone.
 *
 * @throws {ImproperlyConfigured} when `keys` is missing or empty
 */
export function fromKoaSession(options: KoaSessionOptions): SessionImporter {
  const { key: name = 'koa.sess', store, cookie, decode } = options;
  const keys = secretsOf('keys of fromKoaSession', options.keys);
  if (store !== undefined) assertStore('fromKoaSession', store);
  return {
    name: 'koa-session',
    cookies: [name, `${name}.sig`].map((each) => ({ ...cookie, name: each })),
    find(cookieHeader, now) {
      const value = valueSignedByKeygrip(cookieHeader, name, keys);
      if (!value) return undefined;
      if (!store)
        return imported(decode ? decoded(value, decode) : objectInBase64(value), now, options);
      return {
        id: value,
        read: async () => imported(asObject(await store.get(value, undefined, {})), now, options),
        async remove() {
          await store.destroy(value, {});
        },
      };
    },
  };
}

function decoded(text: string, decode: (text: string) => unknown) {
  try {
    return asObject(decode(text));
  } catch {
    return undefined;
  }
}

/** What begins with an underscore is koa-session's own. */
function imported(
  session: Record<string, unknown> | undefined,
  now: Date,
  options: ImportOptions,
): ImportedSession | undefined {
  if (!session) return undefined;
  const { _expire: end } = session;
  const expiresAt = typeof end === 'number' ? new Date(end) : undefined;
  if (expiresAt && !(expiresAt >= now)) return undefined;
  const own = Object.entries(session).filter(([key]) => !key.startsWith('_'));
  return { data: mapped(Object.fromEntries(own), options), expiresAt };
}
