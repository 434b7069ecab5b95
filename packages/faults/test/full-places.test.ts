import {
  Fleet,
  type FullPlace,
  fullPlaces,
  type OpenFullPlace,
  patient,
  record,
  scale,
  seed,
} from '@coatcheck/faults';
import { seededRandom } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const SESSIONS = 10;
const WRITES = scale(100, 1000);
/** What fits into a URL; more than a page of any place. */
const BIG = 10_000;

for (const place of fullPlaces) {
  const { name, missing } = place;
  const title = `a place without room: ${name}`;
  if (missing === undefined) describe(title, () => define(place));
  else describe.skip(`${title} (${missing})`, () => {});
}

function define({ name, canBeReadOnly, open }: FullPlace): void {
  let place: OpenFullPlace;
  let fleet: Fleet;
  const random = seededRandom(seed);
  const big = () =>
    Array.from({ length: BIG / 10 }, () =>
      random(36 ** 5)
        .toString(36)
        .padStart(10, 'z'),
    ).join('');

  beforeEach(async () => {
    place = await open();
    fleet = new Fleet({ config: patient(place.config) }, 1);
    await fleet.start();
  }, 60_000);
  afterEach(async () => {
    await fleet.stop();
    await place.close();
  }, 60_000);

  /** Sessions and what they are known to hold. */
  async function makeSessions(): Promise<Map<string, string>> {
    const held = new Map<string, string>();
    for (let i = 0; i < SESSIONS; i += 1) {
      const { cookie = '' } = await answered(`/create?value=m${i}`);
      const value = big();
      expect(await answered(`/set?name=a&value=${value}`, cookie)).toMatchObject({ status: 200 });
      held.set(cookie, value);
    }
    return held;
  }

  async function answered(path: string, key?: string) {
    const answer = await fleet.site(0).request(path, key);
    if (answer.status === undefined) throw new Error(`There was no answer: ${answer.code}.`);
    return answer;
  }

  async function expectHeld(held: ReadonlyMap<string, string>): Promise<void> {
    for (const [key, value] of held) {
      const { status, body } = await answered('/read', key);
      expect(status).toBe(200);
      expect(JSON.parse(body).a === value).toBe(true);
    }
  }

  it(`acknowledges nothing that it does not keep, and goes on when there is room`, async () => {
    const held = await makeSessions();
    await place.fill();
    const statuses: Record<number, number> = {};
    const keys = [...held.keys()];
    // A database has room of its own left, at first.
    for (let i = 0; i < WRITES || (!statuses[503] && i < 100 * WRITES); i += 1) {
      const key = i % 5 === 4 ? undefined : keys[i % keys.length];
      const value = big();
      const path = key ? `/${i % 2 ? 'set' : 'save'}?name=a&value=${value}` : '/create?value=new';
      const { status, cookie } = await answered(path, key);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status !== 200) expect(cookie).toBeUndefined();
      else if (key) held.set(key, value);
    }
    record(`no room on ${name}`, { statuses });
    expect(Object.keys(statuses).filter((status) => !['200', '503'].includes(status))).toEqual([]);
    expect(statuses[503]).toBeGreaterThan(0);
    await place.free();
    await expectHeld(held);
    for (const key of keys) {
      const value = big();
      expect(await answered(`/set?name=a&value=${value}`, key)).toMatchObject({ status: 200 });
      held.set(key, value);
    }
    // It is there for others, and not only in the memory of this process.
    await fleet.stop();
    await fleet.start();
    await expectHeld(held);
    const [report] = await fleet.reports();
    expect(report?.unhandled).toEqual([]);
    expect(fleet.watch.leaks()).toEqual([]);
  }, 120_000);

  if (!canBeReadOnly) return;
  it('that is read-only refuses what would change it, and goes on when it is not', async () => {
    const held = await makeSessions();
    place.setReadOnly(true);
    for (const key of held.keys()) {
      expect(await answered(`/set?name=a&value=${big()}`, key)).toMatchObject({ status: 503 });
      const answer = await answered('/logout', key);
      expect([answer.status, answer.cookie]).toEqual([503, undefined]);
    }
    expect(await answered('/create?value=new')).toMatchObject({ status: 503, cookie: undefined });
    place.setReadOnly(false);
    await expectHeld(held);
    const [key = ''] = held.keys();
    expect(await answered('/logout', key)).toMatchObject({ status: 200 });
    expect(await answered('/read', key)).toMatchObject({ status: 401 });
  }, 60_000);
}
