import cluster from 'node:cluster';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { LruCache } from '@coatcheck/cache';
import { cachedDbBackend } from '@coatcheck/cached-db';
import { sqliteBackend } from '@coatcheck/db';

// Opens a cache in the process where there are several: 'thread' or 'cluster'.
const [kind] = process.argv.slice(2);
if (kind === 'thread') {
  // Threads of Node 20 do not inherit what reads TypeScript.
  const loader = new URL('../../test-support/typescript-loader.mjs', import.meta.url).href;
  const code = `require('node:module').register('${loader}'); import('${import.meta.url}');`;
  await once(new Worker(code, { eval: true, argv: ['attempt'] }), 'exit');
} else if (kind === 'cluster') {
  cluster.setupPrimary({ args: ['attempt'] });
  await once(cluster.fork(), 'exit');
} else {
  for (const allowStale of [false, true]) {
    try {
      const database = sqliteBackend({ path: ':memory:' });
      await cachedDbBackend({ database, cache: new LruCache(), allowStale }).close();
      console.log('opened');
    } catch (error) {
      console.log((error as Error).name);
    }
  }
  if (cluster.isWorker) cluster.worker?.disconnect();
}
