import net from 'node:net';
import { type Answer, Fleet, patient, places, record, scale, seed } from '@coatcheck/faults';
import { seededRandom } from '@coatcheck/test-support';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const ABORTS = scale(200, 10_000);
const TOGETHER = 20;

describePlaces('visitors who go away', places, (place) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = new Fleet({ config: patient(place.config()) }, 1);
    await fleet.start();
  }, 60_000);
  afterAll(async () => void (await fleet.stop()), 60_000);

  async function ask(path: string, key?: string): Promise<Answer> {
    const answer = await fleet.site(0).request(path, key);
    if (answer.status === undefined) throw new Error(`There was no answer: ${answer.code}.`);
    return answer;
  }

  it(
    `${ABORTS} times at random moments leave whole changes and nothing open (seed ${seed})`,
    async () => {
      const random = seededRandom(seed);
      const { cookie: key = '' } = await ask('/create?value=m');
      const { port } = fleet.site(0);
      const abort = (number: number) =>
        new Promise<void>((resolve) => {
          const socket = net.connect(port, '127.0.0.1', () => {
            const path = number % 2 ? '/count' : `/set?name=e${number % 7}&value=${number}`;
            socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: sessionid=${key}\r\n\r\n`);
            setTimeout(() => socket.resetAndDestroy(), random(12));
          });
          socket.on('error', () => {});
          socket.on('close', () => resolve());
        });
      const round = async (from: number): Promise<void> => {
        await Promise.all(Array.from({ length: TOGETHER }, (_, i) => abort(from + i)));
      };
      for (let sent = 0; sent < ABORTS / 2; sent += TOGETHER) await round(sent);
      expect((await ask('/read', key)).status).toBe(200);
      const [before] = await fleet.reports();
      for (let sent = ABORTS / 2; sent < ABORTS; sent += TOGETHER) await round(sent);

      // A request behind all others of the session.
      expect((await ask('/set?name=last&value=1', key)).status).toBe(200);
      const { marker, count = 0, last, ...values } = JSON.parse((await ask('/read', key)).body);
      expect([marker, last]).toEqual(['m', '1']);
      expect(count).toBeLessThanOrEqual(ABORTS / 2);
      for (const [name, value] of Object.entries(values)) {
        expect([name, Number(value) % 2]).toEqual([`e${Number(value) % 7}`, 0]);
      }
      // The server may not have heard yet that the last of them have gone.
      const mostResources = Number(before?.resources) + TOGETHER;
      let [after] = await fleet.reports();
      for (let n = 0; n < 1000 && Number(after?.resources) >= mostResources; n += 1) {
        [after] = await fleet.reports();
      }
      const growth = Number(after?.rssBytes) / Number(before?.rssBytes);
      record(`aborted requests on ${place.name}`, {
        seed,
        aborts: ABORTS,
        count,
        growth,
        before,
        after,
      });
      expect(Number(after?.resources)).toBeLessThan(mostResources);
      expect(growth).toBeLessThan(1.5);
      expect(after?.unhandled).toEqual([]);
      expect(after?.warnings).toEqual([]);
      expect(fleet.watch.leaks()).toEqual([]);
    },
    scale(60_000, 600_000),
  );
});

describePlaces('a process that may open few files', places.slice(1, 2), (place) => {
  it('acknowledges nothing that it could not store, and goes on when it may open more', async () => {
    const fleet = new Fleet({ config: patient(place.config()), mostFiles: 60 }, 1);
    await fleet.start();
    const site = fleet.site(0);
    const { cookie: key = '' } = (await site.request('/create?value=m')) as Answer;
    // Idle connections take what there is.
    const idle = await Promise.all(
      Array.from({ length: 60 }, () => {
        const socket = net.connect(site.port, '127.0.0.1');
        socket.on('error', () => {});
        return new Promise<net.Socket>((resolve) => socket.once('connect', () => resolve(socket)));
      }),
    );
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, i) => site.request(`/set?name=n${i}&value=${i}`, key)),
    );
    for (const socket of idle) socket.destroy();
    const { status, body } = (await site.request('/read', key)) as Answer;
    expect(status).toBe(200);
    const held = JSON.parse(body);
    for (const [i, answer] of answers.entries()) {
      if (answer.status === 200) expect(held[`n${i}`]).toBe(String(i));
    }
    const [report] = await fleet.reports();
    expect(report?.unhandled).toEqual([]);
    expect(await fleet.stop()).toEqual([0]);
  }, 60_000);
});
