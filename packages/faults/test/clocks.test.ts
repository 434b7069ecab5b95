import { type Answer, Fleet, patient, places } from '@coatcheck/faults';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
/** Seconds. */
const ABSOLUTE = 2 * 3600;

describePlaces('clocks', places, (place) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = new Fleet({ config: { ...patient(place.config()), absoluteTimeout: ABSOLUTE } }, 2);
    await fleet.start();
  }, 60_000);
  beforeEach(() => {
    for (const site of fleet.sites) site.setClock(0);
  });
  afterAll(async () => {
    const reports = await fleet.reports();
    await fleet.stop();
    expect(reports.flatMap(({ unhandled, warnings }) => [...unhandled, ...warnings])).toEqual([]);
    expect(fleet.watch.leaks()).toEqual([]);
  }, 60_000);

  async function ask(path: string, key?: string, site = 0): Promise<Answer> {
    const answer = await fleet.site(site).request(path, key);
    if (answer.status === undefined) throw new Error(`There was no answer: ${answer.code}.`);
    expect(answer.status).toBeLessThan(500);
    return answer;
  }

  async function newSession(): Promise<string> {
    const { status, cookie = '' } = await ask('/create?value=m');
    expect(status).toBe(200);
    return cookie;
  }

  it('that jump a year ahead end every session', async () => {
    const key = await newSession();
    fleet.site(1).setClock(YEAR_MS);
    expect((await ask('/read', key, 1)).status).toBe(401);
    expect((await ask('/set?name=a&value=1', key, 1)).status).toBe(401);
  });

  it.each([
    ['an hour', -HOUR_MS],
    ['a year', -YEAR_MS],
  ])('that jump back by %s let no session outlive its absolute age', async (_, offset) => {
    const key = await newSession();
    fleet.site(1).setClock(offset);
    // Whatever they make of it: nothing fails, and nothing lengthens the session.
    await ask('/read', key, 1);
    await ask('/set?name=a&value=1', key, 1);
    const cycled = await ask('/cycle', key, 1);
    for (const site of fleet.sites) site.setClock(ABSOLUTE * 1000 + 1000);
    for (const each of [key, cycled.cookie ?? key]) {
      expect((await ask('/read', each)).status).toBe(401);
      expect((await ask('/read', each, 1)).status).toBe(401);
    }
  });

  it('that differ by half a minute keep sessions and logouts as they are', async () => {
    fleet.site(0).setClock(30_000);
    fleet.site(1).setClock(-30_000);
    for (const site of [0, 1]) {
      const key = await newSession();
      expect((await ask('/set?name=a&value=1', key, 1 - site)).status).toBe(200);
      const { cookie = '' } = await ask('/cycle', key, site);
      expect((await ask('/read', key, 1 - site)).status).toBe(401);
      expect(JSON.parse((await ask('/read', cookie, 1 - site)).body)).toMatchObject({ a: '1' });
      expect((await ask('/logout', cookie, site)).status).toBe(200);
      expect((await ask('/read', cookie, 1 - site)).status).toBe(401);
    }
  });
});
