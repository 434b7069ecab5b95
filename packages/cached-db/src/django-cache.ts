import { ImproperlyConfigured, type SessionBackend } from '@coatcheck/core';
import { type CacheFailure, tellFailures, warning } from './cache-failures.ts';
import { DjangoCacheBackend } from './django-cache-backend.ts';
import { copiesDroppedBy, type DjangoCopies } from './django-copies.ts';
import { RedisCopies, type RedisCopiesOptions } from './redis-copies.ts';

/** Settings of `withDjangoCache`: how Django's cache is reached. One of `url`, `client` and `drop` is needed. */
export interface DjangoCacheOptions extends RedisCopiesOptions {
  /**
   * For a cache that is no Redis, or that has a `KEY_FUNCTION`: removes the session's entry, which Django calls
   * `django.contrib.sessions.cached_db` followed by the session key, and rejects unless it is certainly gone.
   */
  readonly drop?: ((key: string) => Promise<unknown>) | undefined;
  /** With `drop`: removes every entry, for `clearExpired` with an instant that is ahead. */
  readonly dropAll?: (() => Promise<unknown>) | undefined;
  /** Milliseconds for which the cache may take to confirm, each time. @default 400 */
  readonly timeoutMs?: number | undefined;
  /**
   * Hears of every failure of the cache, which is also published on `node:diagnostics_channel` as
   * `coatcheck:djangoCacheFailed`.
   *
   * @default a warning of the process, once a minute at most
   */
  readonly onFailure?: CacheFailure | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/**
 * Sessions in a table that a Django shares whose `SESSION_ENGINE` is `django.contrib.sessions.backends.cached_db`: what is
 * written here, or ended, is dropped from Django's cache (`SESSION_CACHE_ALIAS`), so that Django does not go on serving
 * what it read before.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong or the driver is missing.
 */
export function withDjangoCache(
  database: SessionBackend,
  options: DjangoCacheOptions,
): SessionBackend {
  const { timeoutMs = 400, onFailure = warn, now = () => new Date() } = options;
  if (!(timeoutMs > 0)) {
    throw new ImproperlyConfigured(
      'djangoCache.timeoutMs must be a number of milliseconds above 0.',
    );
  }
  const failed = tellFailures('coatcheck:djangoCacheFailed', onFailure);
  const copies = copiesAt(options, failed);
  return new DjangoCacheBackend({ database, copies, timeoutMs, failed, now });
}

function copiesAt(options: DjangoCacheOptions, failed: CacheFailure): DjangoCopies {
  const { drop, dropAll, url, client } = options;
  if (drop && (url !== undefined || client)) {
    throw new ImproperlyConfigured(
      'djangoCache has both a Redis and a function drop: leave one of them out.',
    );
  }
  if (drop) return copiesDroppedBy(drop, dropAll);
  if (url !== undefined && !/^rediss?(\+\w+)?:/.test(url)) {
    throw new ImproperlyConfigured(
      "djangoCache.url is not that of a Redis: for Django's other caches, pass withDjangoCache a function drop(key).",
    );
  }
  return new RedisCopies(options, failed);
}

const warn = warning('COATCHECK_DJANGO_CACHE_FAILED', (cause) =>
  cause === 'NOTTOLD'
    ? "Django's session cache does not tell what is put back into it (CLIENT TRACKING is refused); that is looked for now and then."
    : `Django's session cache fails (${cause}); until it answers, sessions cannot be changed.`,
);
