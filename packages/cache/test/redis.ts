import { randomBytes } from 'node:crypto';
import { type RedisServer, redisIsMissing, startRedis } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { Redis } from 'ioredis';

/** `describe` for tests that start servers of their own; skipped, with the reason, where none is installed. */
export function describeWithServers(title: string, define: () => void): void {
  const reason = redisIsMissing();
  if (reason === undefined) describe(title, define);
  else describe.skip(`${title} (${reason})`, define);
}

/** A single Redis, and a prefix for the keys of one test file. */
export interface RedisPlace {
  readonly url: string;
  readonly keyPrefix: string;
  /** Another connection, for the tests to look with; it has no prefix. */
  readonly redis: Redis;
}

/** Tests on the Redis at `REDIS_URL`, else on one that is started for them; it is shared, so they keep to their prefix. */
export function describeWithRedis(title: string, define: (place: RedisPlace) => void): void {
  const { REDIS_URL } = process.env;
  const defineHere = (): void => {
    let server: RedisServer | undefined;
    let redis: Redis | undefined;
    const keyPrefix = `coatcheck-test-${randomBytes(6).toString('hex')}`;
    beforeAll(async () => {
      if (!REDIS_URL) server = await startRedis();
      redis = new Redis(REDIS_URL || (server?.url ?? ''));
    });
    afterAll(async () => {
      const stream = redis?.scanStream({ match: `${keyPrefix}*`, count: 1000 }) ?? [];
      for await (const keys of stream) if (keys.length > 0) await redis?.unlink(keys);
      redis?.disconnect();
      await server?.stop();
    });
    define({
      get url() {
        return REDIS_URL || (server?.url ?? '');
      },
      keyPrefix,
      get redis() {
        return redis as Redis;
      },
    });
  };
  if (REDIS_URL) describe(title, defineHere);
  else describeWithServers(title, defineHere);
}
