import { redisBackend } from '@coatcheck/cache';
import { createSessions, type Sessions } from '@coatcheck/core';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithServers } from './redis.ts';
import { SECRET_KEY } from './sessions.ts';

/** So many other accounts have a session: `OTHERS=1000000 npx jest packages/cache/test/account-costs`. */
const OTHERS = Number(process.env.OTHERS ?? 5000);

// What `sessions.of(account)` asks of a Redis, as the server counts it.
describeWithServers('the sessions of an account in a Redis', () => {
  let server: RedisServer;
  let sessions: Sessions<Record<string, unknown>>;
  beforeAll(async () => {
    server = await startRedis();
    const backend = redisBackend({ url: server.url });
    const operationTimeoutMs = 30_000;
    sessions = createSessions({
      ...{ backend, secretKey: SECRET_KEY, account: true, operationTimeoutMs },
    });
  });
  afterAll(async () => {
    await sessions.close();
    await server.stop();
  });

  async function login(account: string): Promise<void> {
    const session = sessions.open();
    session.set('_auth_user_id', account);
    await session.save();
  }
  async function loginOthers(): Promise<void> {
    for (let first = 0; first < OTHERS; first += 500) {
      const some = Array.from({ length: Math.min(500, OTHERS - first) }, (_, i) => first + i);
      await Promise.all(some.map((n) => login(`other${n}`)));
    }
  }
  /** The commands that the server carried out for clients, by name. */
  async function commandsOf(action: () => Promise<unknown>): Promise<Record<string, number>> {
    await server.command('config', 'resetstat');
    await action();
    const stats = await server.command('info', 'commandstats');
    const counts = [...stats.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)];
    const ours = counts.filter(([, name = '']) => !/^(config|info|command)/.test(name));
    return Object.fromEntries(ours.map(([, name, calls]) => [name, Number(calls)]));
  }

  it(
    'cost one read of the index and one of each session, however many others there are',
    async () => {
      const costs = async (account: string) => {
        for (let n = 0; n < 3; n += 1) await login(account);
        const list = () => sessions.of(account).list();
        // What is asked once on a connection is asked by then.
        expect(await list()).toHaveLength(3);
        return {
          list: await commandsOf(list),
          revoke: await commandsOf(() => sessions.of(account).revokeAll()),
        };
      };
      // The first call on a connection brings its script along.
      await costs('first');
      const alone = await costs('7');
      // Each session by a script, which also asks when it ends.
      expect(alone.list).toEqual({ hgetall: 1, evalsha: 3, get: 3, pttl: 3 });
      await loginOthers();
      expect(Number(await server.command('dbsize'))).toBeGreaterThanOrEqual(2 * OTHERS);
      expect(await costs('8')).toEqual(alone);
    },
    60_000 + OTHERS,
  );
});
