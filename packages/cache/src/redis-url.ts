import { ImproperlyConfigured } from '@coatcheck/core';

/** What a URL says about where Redis is. */
export interface RedisAddress {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly isCluster: boolean;
  /** The name under which the Sentinels at `nodes` know the primary. */
  readonly sentinelName?: string | undefined;
  readonly isEncrypted: boolean;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db: number;
}

const form =
  /^redis(?<tls>s)?(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^@/:]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]*)(?<path>\/[^?#]*)?$/;

/**
 * Reads `redis://user:password@host:port/db`, `redis+sentinel://host:port,host:port/name/db` or
 * `redis+cluster://host:port,host:port`; `rediss` instead of `redis` encrypts. The password and the name may be percent-encoded.
 *
 * @param section of the settings, for messages.
 * @throws {ImproperlyConfigured} which never quotes the URL, since it may hold a password.
 */
export function parseRedisUrl(url: string, section = 'cache'): RedisAddress {
  try {
    return parse(url);
  } catch (error) {
    if (!(error instanceof WrongUrl)) throw error;
    throw new ImproperlyConfigured(
      `${section}.url ${error.message}: write redis://user:password@host:port/db, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port; rediss instead of redis encrypts.`,
    );
  }
}

function parse(url: string): RedisAddress {
  const parts = form.exec(url)?.groups;
  if (!parts) throw new WrongUrl('is none of the known forms');
  const { tls, kind, user, password, hosts = '', path = '' } = parts;
  const defaultPort = kind === 'sentinel' ? 26379 : 6379;
  const nodes = hosts.split(',').map((host) => parseHost(host, defaultPort));
  const segments = path.split('/').slice(1).filter(Boolean);
  const sentinelName = kind === 'sentinel' ? decode(segments.shift()) : undefined;
  if (kind === 'sentinel' && !sentinelName) throw new WrongUrl('does not name the primary');
  if (kind === undefined && nodes.length > 1) throw new WrongUrl('has several hosts');
  if (segments.length > (kind === 'cluster' ? 0 : 1)) throw new WrongUrl('has a path too long');
  const db = segments[0] ?? '0';
  if (!/^\d{1,5}$/.test(db)) throw new WrongUrl('has a database that is no number');
  return {
    nodes,
    isCluster: kind === 'cluster',
    sentinelName,
    isEncrypted: tls !== undefined,
    username: decode(user) || undefined,
    password: decode(password) || undefined,
    db: Number(db),
  };
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } {
  const [, inBrackets, plain, digits] =
    /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = inBrackets ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port < 1 || port > 65_535)
    throw new WrongUrl('has no proper host and port');
  return { host, port };
}

function decode(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    throw new WrongUrl('has a stray % sign');
  }
}

/** What is wrong with a URL, in words that follow its name. */
class WrongUrl extends Error {}
