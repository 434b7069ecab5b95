import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, Fleet, record, type SiteSettings, scale } from '@coatcheck/faults';
import { redisIsMissing, startRedis } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';

const USERS = 1000;
const AT_ONCE = 40;
const KILLS = scale(2, 20);
const noRedis = redisIsMissing();

/** One visitor, who is logged in from before the move. */
interface User {
  readonly name: string;
  readonly firstKey: string;
  key: string;
  /** Whether a process was killed before it could tell how a login or logout went. */
  untold: boolean;
  /** What the visitor got although it must not be. */
  readonly wrong: string[];
}

/** Calls `work` for each item, so many at once. */
async function each<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<void>,
) {
  const entries = items.entries();
  const next = async (): Promise<void> => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** Asks one process after the other until one answers: a process that is killed has no logout to answer for. */
async function ask(fleet: Fleet, path: string, key: string, first: number): Promise<Answer> {
  for (let attempt = first; ; attempt += 1) {
    const answer = await askOnce(fleet, path, key, attempt);
    if (answer) return answer;
  }
}

/** The answer of the first process that takes the request; `undefined` where it was killed before it had answered. */
async function askOnce(
  fleet: Fleet,
  path: string,
  key: string,
  first: number,
): Promise<Answer | undefined> {
  for (let attempt = first; ; attempt += 1) {
    const answer = await fleet.site(attempt).request(path, key);
    if (answer.status !== undefined) return answer;
    if (answer.code !== 'ECONNREFUSED') return undefined;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function expectStatus(user: User, status: number, what: string, answer: Promise<Answer>) {
  const { status: got, cookie } = await answer;
  if (got !== status) user.wrong.push(`${what}: ${got} instead of ${status}`);
  // Whatever else is wrong: nobody's cookie is deleted or replaced unless they asked for it.
  if (cookie !== undefined && /^(?:set|save|read|late)/.test(what) && cookie !== user.key) {
    user.wrong.push(`${what}: another cookie`);
  }
}

/** Three requests of one page at once, a login or a logout, and late requests of what was left behind. */
async function visit(fleet: Fleet, user: User, number: number): Promise<void> {
  const at = (path: string, offset: number, key = user.key) =>
    ask(fleet, path, key, number + offset);
  await Promise.all([
    expectStatus(user, 200, 'set a', at('/set?name=a&value=1', 0)),
    expectStatus(user, 200, 'save b', at('/save?name=b&value=2', 1)),
    expectStatus(user, 200, 'read', at('/read', 0)),
  ]);
  if (number % 3 !== 2) {
    const path = number % 3 === 0 ? '/cycle' : '/logout';
    const answer = await askOnce(fleet, path, user.key, number + 1);
    user.untold = answer === undefined;
    if (!answer) return;
    const { status, cookie = '' } = answer;
    if (status !== 200) user.wrong.push(`${path}: ${status}`);
    if (number % 3 === 0) user.key = cookie;
  }
  if (number % 3 === 0) {
    await expectStatus(user, 401, 'the key before the login', at('/read', 0, user.firstKey));
  }
  if (number % 3 === 1) {
    await Promise.all([
      expectStatus(user, 401, 'late read', at('/read', 0)),
      expectStatus(user, 401, 'late read', at('/read', 1)),
    ]);
    return;
  }
  await expectStatus(user, 200, 'set c', at('/set?name=c&value=3', 0));
}

describe('a move from SQLite to Redis', () => {
  (noRedis ? it.skip : it)(
    `logs none of ${USERS} users out, with processes that are killed meanwhile`,
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'coatcheck-migration-'));
      const redis = await startRedis();
      const old = {
        engine: 'db',
        db: { url: `sqlite:${join(directory, 'old.sqlite3')}` },
      } as const;
      const cache = { engine: 'cache', cache: { url: redis.url } } as const;
      const run = async <T>(
        config: SiteSettings['config'],
        processes: number,
        work: (fleet: Fleet) => Promise<T>,
      ) => {
        const fleet = new Fleet({ config, isQuiet: true }, processes);
        try {
          await fleet.start();
          return await work(fleet);
        } finally {
          await fleet.stop();
        }
      };
      const users: User[] = [];
      try {
        await run(old, 1, (fleet) =>
          each(Array.from({ length: USERS }), async (_, index) => {
            const name = `user${index}`;
            const created = await fleet.site(0).request(`/create?value=${name}`);
            const key = String(created.status === 200 && created.cookie);
            users[index] = { name, firstKey: key, key, untold: false, wrong: [] };
          }),
        );
        await run({ ...cache, migratingFrom: old }, 2, async (fleet) => {
          let visited = 0;
          let kills = 0;
          let killing: Promise<unknown> = Promise.resolve();
          await each(users, async (user, number) => {
            await visit(fleet, user, number);
            visited += 1;
            if (visited % Math.floor(USERS / (KILLS + 1)) === 0 && kills < KILLS) {
              kills += 1;
              const site = fleet.site(kills);
              killing = killing.then(() => site.signal('SIGKILL')).then(() => site.start());
            }
          });
          await killing;
          expect(kills).toBe(KILLS);
        });
        // The old place is not needed any more.
        await run(cache, 1, (fleet) =>
          each(users, async (user, number) => {
            if (user.untold) return;
            const { status, body } = await ask(fleet, '/read', user.key, 0);
            const expected = { marker: user.name, a: '1', b: '2', c: '3' };
            if (number % 3 === 1 ? status !== 401 : status !== 200)
              user.wrong.push(`end: ${status}`);
            else if (status === 200 && !sameEntries(JSON.parse(body), expected))
              user.wrong.push(`end: ${body}`);
          }),
        );
        await run(old, 1, (fleet) =>
          each(users, async (user) => {
            const { status } = await ask(fleet, '/read', user.firstKey, 0);
            if (status !== 401) user.wrong.push(`left behind: ${status}`);
          }),
        );
        const wrong = users.flatMap((user) => user.wrong.map((what) => `${user.name}: ${what}`));
        const untold = users.filter((user) => user.untold).length;
        expect(untold).toBeLessThan(KILLS * AT_ONCE);
        record('migration from SQLite to Redis', {
          users: USERS,
          kills: KILLS,
          untold,
          wrong: wrong.length,
        });
        expect(wrong).toEqual([]);
      } finally {
        await redis.stop();
        rmSync(directory, { recursive: true, force: true });
      }
    },
    300_000,
  );
});

function sameEntries(found: object, expected: object): boolean {
  return (
    JSON.stringify(Object.entries(found).sort()) === JSON.stringify(Object.entries(expected).sort())
  );
}
