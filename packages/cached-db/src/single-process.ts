import cluster from 'node:cluster';
import { isMainThread } from 'node:worker_threads';
import { ImproperlyConfigured } from '@coatcheck/core';

const REMEDY =
  'use a Redis cache (cache.url), or set cache.allowStale: true to accept sessions that are up to five minutes old';

/**
 * Refuses where it is plain that other processes share the database: a worker of a cluster, a thread, an instance of
 * a process manager. Returns what releases the claim.
 *
 * @throws {ImproperlyConfigured} with the remedy.
 */
export function claimForThisProcess(database: object): () => void {
  const manager = process.env.NODE_APP_INSTANCE ?? process.env.pm_id;
  const several = cluster.isWorker || !isMainThread || manager !== undefined;
  if (several) {
    throw new ImproperlyConfigured(
      `A cache in the process (cache.url "memory:") serves one process only, and this is one of several: ${REMEDY}.`,
    );
  }
  if (claimed.has(database)) {
    throw new ImproperlyConfigured(
      `A database can have one cache in the process (cache.url "memory:"), and this one has another: ${REMEDY}.`,
    );
  }
  claimed.add(database);
  return () => claimed.delete(database);
}

const claimed = new WeakSet<object>();
