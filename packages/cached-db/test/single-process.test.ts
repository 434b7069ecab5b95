import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { LruCache } from '@coatcheck/cache';
import { cachedDbBackend } from '@coatcheck/cached-db';
import { sqliteBackend } from '@coatcheck/db';
import { typescriptLoader } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SteeredCache } from './steered-cache.ts';

const open = (
  options: { allowStale?: boolean } = {},
  database = sqliteBackend({ path: ':memory:' }),
) => cachedDbBackend({ database, cache: new LruCache(), ...options });

describe('a cache in the process', () => {
  const { NODE_APP_INSTANCE, pm_id } = process.env;
  afterEach(() => {
    restore('NODE_APP_INSTANCE', NODE_APP_INSTANCE);
    restore('pm_id', pm_id);
  });
  function restore(name: string, value: string | undefined): void {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }

  it.each(['NODE_APP_INSTANCE', 'pm_id'])(
    'is refused in one of several instances (%s), unless stale sessions are accepted',
    async (variable) => {
      process.env[variable] = '0';
      expect(() => open()).toThrow(
        expect.objectContaining({
          name: 'ImproperlyConfigured',
          message: expect.stringContaining('set cache.allowStale: true'),
        }),
      );
      await open({ allowStale: true }).close();
    },
  );

  it.each(['thread', 'cluster'])(
    'is refused in one of several: a %s',
    async (kind) => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          '--conditions=@coatcheck/source',
          ...['--import', typescriptLoader],
          ...[path.join(import.meta.dirname, 'one-of-several.ts'), kind],
        ],
        { cwd: import.meta.dirname, timeout: 30_000 },
      );
      expect(stdout.trim().split('\n')).toEqual(['ImproperlyConfigured', 'opened']);
    },
    60_000,
  );

  it('is the only one of its database, until it is closed', async () => {
    const database = sqliteBackend({ path: ':memory:' });
    const first = open({}, database);
    expect(() => open({}, database)).toThrow(/another/);
    open({ allowStale: true }, database);
    // One that processes share may be there as often as there are processes.
    cachedDbBackend({ database, cache: new SteeredCache(new LruCache(), 'later') });
    await first.close();
    await open({}, database).close();
  });
});
