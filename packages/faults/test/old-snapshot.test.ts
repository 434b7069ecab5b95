import path from 'node:path';
import { Directory, Fleet, record, scale } from '@coatcheck/faults';
import { type RedisServer, redisIsMissing, startRedis } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const SESSIONS = scale(100, 1000);
const reason = redisIsMissing();
const describeWithRedis = reason === undefined ? describe : describe.skip;

describeWithRedis(`a cache before a database (${reason ?? 'Redis before SQLite'})`, () => {
  let redis: RedisServer;
  let directory: Directory;
  let fleet: Fleet;
  beforeEach(async () => {
    redis = await startRedis({ config: { save: '3600 100000' } });
    directory = new Directory();
    const url = `sqlite:${path.join(directory.path, 'sessions.sqlite3')}`;
    // What is tested is not the speed of the machine.
    const cache = { url: redis.url, timeoutMs: 1000 };
    const config = { engine: 'cached_db', db: { url }, cache, operationTimeoutMs: 10_000 };
    fleet = new Fleet({ config }, 2);
    await fleet.start();
  }, 60_000);
  afterEach(async () => {
    await redis.signal('SIGCONT');
    await fleet.stop();
    await redis.stop();
    directory.remove();
  }, 60_000);

  /** Sessions with an entry in the cache, read by both processes. */
  async function warm(): Promise<string[]> {
    const keys: string[] = [];
    for (let i = 0; i < SESSIONS; i += 1) {
      const answer = await fleet.site(i).request(`/create?value=m${i}`);
      const key = String('cookie' in answer && answer.cookie);
      keys.push(key);
      expect(await statusesOf(key)).toEqual([200, 200]);
    }
    return keys;
  }

  async function statusesOf(key: string): Promise<unknown[]> {
    const answers = await Promise.all(fleet.sites.map((site) => site.request('/read', key)));
    return answers.map(({ status }) => status);
  }

  async function logOut(keys: readonly string[]): Promise<(number | undefined)[]> {
    const statuses: (number | undefined)[] = [];
    for (const [i, key] of keys.entries()) {
      statuses.push((await fleet.site(i).request('/logout', key)).status);
    }
    return statuses;
  }

  async function revived(keys: readonly string[]): Promise<number> {
    let alive = 0;
    for (const key of keys) if ((await statusesOf(key)).includes(200)) alive += 1;
    return alive;
  }

  /** How many of the sessions the cache could still answer for. */
  async function entriesOf(keys: readonly string[]): Promise<number> {
    let entries = 0;
    for (const key of keys) {
      const names = (await redis.command('keys', `*${key}`)).split('\n').filter(Boolean);
      for (const name of names) if ((await redis.command('get', name)) !== '-') entries += 1;
    }
    return entries;
  }

  it(`revives none of ${SESSIONS} acknowledged logouts when it comes back with an old snapshot`, async () => {
    const keys = await warm();
    await redis.command('save');
    expect(new Set(await logOut(keys))).toEqual(new Set([200]));
    await redis.signal('SIGKILL');
    await redis.start();
    // The snapshot does hold the sessions as they were.
    expect(Number(await redis.command('dbsize'))).toBeGreaterThanOrEqual(SESSIONS);
    expect(await revived(keys)).toBe(0);
    record('logouts and an old snapshot', { sessions: SESSIONS, revived: 0 });
    expect(fleet.watch.leaks()).toEqual([]);
  }, 120_000);

  it.each([
    ['hangs', 'SIGSTOP', 'SIGCONT'],
    ['is killed', 'SIGKILL', 'start'],
  ] as const)(
    'acknowledges no logout while it %s, and revives none that was acknowledged',
    async (_, begin, end) => {
      const keys = (await warm()).slice(0, 10);
      const before = keys.slice(5);
      expect(new Set(await logOut(before))).toEqual(new Set([200]));
      await redis.signal(begin);
      expect(new Set(await logOut(keys.slice(0, 5)))).toEqual(new Set([503]));
      expect(await revived(before)).toBe(0);
      await (end === 'start' ? redis.start() : redis.signal(end));
      expect(await revived(before)).toBe(0);
      // Those that were not acknowledged can be ended now. A process that still leaves the cache alone finds them gone.
      const acknowledged = [...before];
      for (const key of keys.slice(0, 5)) {
        const { status } = await fleet.site(0).request('/logout', key);
        expect([200, 401]).toContain(status);
        if (status === 200) acknowledged.push(key);
      }
      expect(await revived(acknowledged)).toBe(0);
      // What the cache did not confirm, it is told again until it does.
      const deadline = performance.now() + 30_000;
      while ((await entriesOf(keys)) > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(await revived(keys)).toBe(0);
      expect(fleet.watch.leaks()).toEqual([]);
    },
    120_000,
  );
});
