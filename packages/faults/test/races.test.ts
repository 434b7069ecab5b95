import { type Answer, Fleet, patient, places, record, scale, seed } from '@coatcheck/faults';
import { type Random, seededRandom } from '@coatcheck/test-support';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const LONG = scale(60_000, 600_000);
const TRIALS = scale(40, 1000);
/** Trials that are under way together. */
const TOGETHER = 20;
const CYCLES = 100;

describePlaces('four processes', places, (place) => {
  let fleet: Fleet;
  let random: Random;
  beforeAll(async () => {
    random = seededRandom(seed);
    fleet = new Fleet({ config: patient(place.config()) }, 4);
    await fleet.start();
  }, 60_000);
  afterAll(async () => {
    const reports = await fleet.reports();
    await fleet.stop();
    expect(reports.flatMap(({ unhandled, warnings }) => [...unhandled, ...warnings])).toEqual([]);
    expect(fleet.watch.leaks()).toEqual([]);
  }, 60_000);

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  async function ask(path: string, key?: string, site = random(4)): Promise<Answer> {
    const answer = await fleet.site(site).request(path, key);
    if (answer.status === undefined) throw new Error(`There was no answer: ${answer.code}.`);
    return answer;
  }

  async function newSession(): Promise<string> {
    const { status, cookie = '' } = await ask('/create?value=m');
    expect(status).toBe(200);
    return cookie;
  }

  async function expectDead(key: string): Promise<void> {
    for (const site of [0, 1, 2, 3]) expect((await ask('/read', key, site)).status).toBe(401);
  }

  it(
    `revive no session in ${TRIALS} logouts during slow writes (seed ${seed})`,
    async () => {
      const writes: Record<string, number> = {};
      const trial = async (): Promise<void> => {
        const key = await newSession();
        const slow = [0, 1].map(async (n) => {
          await pause(random(20));
          return ask(`/slow?name=n${n}&value=1&ms=${random(50)}`, key);
        });
        await pause(random(50));
        const logout = await ask('/logout', key);
        expect([logout.status, logout.cookie]).toEqual([200, '']);
        // Acknowledged: from here on nobody sees it, whatever is still under way.
        await expectDead(key);
        for (const answer of await Promise.all(slow)) {
          const { status, cookie, start, end } = answer;
          writes[status] = (writes[status] ?? 0) + 1;
          // What was stored was so before the logout was; what came too late is told so, and gets no cookie.
          if (status === 200) expect(start).toBeLessThan(logout.end);
          else expect([400, 401]).toContain(status);
          expect(cookie).toBe(status === 200 ? key : undefined);
          if (status === 400) expect(end).toBeGreaterThan(logout.start);
        }
        await expectDead(key);
      };
      for (let i = 0; i < TRIALS; i += TOGETHER) {
        await Promise.all(Array.from({ length: TOGETHER }, trial));
      }
      record(`logouts on ${place.name}`, { seed, trials: TRIALS, writes });
      // Some were in time, others were not.
      expect(writes[400]).toBeGreaterThan(0);
      expect(writes[200]).toBeGreaterThan(0);
    },
    LONG,
  );

  it(
    `make one successor of ${CYCLES} concurrent cycles, and lose no change to them`,
    async () => {
      const key = await newSession();
      const answers = await Promise.all(
        Array.from({ length: CYCLES * 1.2 }, (_, i) =>
          ask(i % 6 === 5 ? `/set?name=n${i}&value=${i}` : '/cycle', key, i % 4),
        ),
      );
      const isCycle = (_: unknown, i: number) => i % 6 !== 5;
      const cycles = answers.filter(isCycle);
      const successes = cycles.filter(({ status }) => status === 200);
      expect(successes).toHaveLength(1);
      const late = answers.filter(({ status }) => status !== 200);
      expect(late.every(({ status }) => status === 400 || status === 401)).toBe(true);
      expect(late.every(({ cookie }) => cookie === undefined)).toBe(true);
      const successor = String(successes[0]?.cookie);
      const held = JSON.parse((await ask('/read', successor)).body);
      for (const [i, { status }] of answers.entries()) {
        if (!isCycle(undefined, i) && status === 200) expect(held[`n${i}`]).toBe(String(i));
      }
      await expectDead(key);
      for (const { cookie } of answers) if (cookie) expect([key, successor]).toContain(cookie);
    },
    LONG,
  );
});
