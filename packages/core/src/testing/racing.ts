import assert from 'node:assert/strict';
import type { Awaitable, SessionBackend, SessionRecord } from '../session-backend.ts';
import type { ConformanceTest, Inabilities } from './conformance-test.ts';
import type { Place } from './place.ts';
import { changedTo, outcomes } from './refusals.ts';

interface Race {
  readonly title: string;
  readonly needs: readonly (keyof Inabilities)[];
  readonly run: (place: Place, one: SessionBackend, other: SessionBackend) => Promise<void>;
}

const races: readonly Race[] = [
  {
    title: 'of many creates of one key, one wins',
    needs: ['keepKeys'],
    async run(place, one, other) {
      const record = place.record();
      const writers = Array.from({ length: 10 }, (_, i) => `writer ${i}`);
      const calls = writers.map((data, i) => (i % 2 ? other : one).create({ ...record, data }));
      const { done, refused } = await outcomes(calls);
      assert.equal(done.length, 1);
      assert(refused.every(({ name }) => name === 'CreateError'));
      const found = await place.stored(record.key);
      assert.equal(found?.base, done[0]?.base);
    },
  },
  {
    title: 'of many updates from one base, one wins, and the others learn what it wrote',
    needs: ['compare'],
    async run(place, one, other) {
      const { record, base } = await place.create();
      const writers = Array.from({ length: 10 }, (_, i) => `writer ${i}`);
      const calls = writers.map((data, i) =>
        (i % 2 ? other : one).update({ ...record, data }, base),
      );
      const { done, refused } = await outcomes(calls);
      assert.equal(done.length, 1);
      const found = await place.stored(record.key);
      assert.equal(found?.base, done[0]?.base);
      assert.equal(refused.length, 9);
      for (const error of refused) assert.equal(changedTo(error)?.data, found?.data);
    },
  },
  {
    title: 'a hundred counters lose nothing',
    needs: ['compare'],
    async run(place, one, other) {
      const { record } = await place.create({ data: '0' });
      const writers = Array.from({ length: 100 }, (_, i) => (i % 2 ? other : one));
      await Promise.all(writers.map((backend) => increment(backend, record)));
      await place.holds(record.key, '100');
    },
  },
  {
    title: 'a delete beats the updates and touches around it',
    needs: ['compare', 'revoke'],
    async run(place, one, other) {
      for (let round = 0; round < 20; round++) {
        const { record, base } = await place.create();
        const second = { ...record, data: 'second' };
        const calls = [
          () => one.update(second, base),
          () => other.delete(record.key),
          () => one.touch(record, base),
        ];
        for (let shift = round % 3; shift > 0; shift--) calls.push(calls.shift() as never);
        const { refused } = await outcomes(calls.map((call) => call() as Awaitable<unknown>));
        for (const { reason } of refused) assert.equal(reason, 'gone');
        await place.holds(record.key, undefined);
        const late = await outcomes([one.update(second, base), other.update(second, 'second')]);
        assert.deepEqual(
          late.refused.map(({ reason }) => reason),
          ['gone', 'gone'],
        );
        await place.holds(record.key, undefined);
      }
    },
  },
  {
    title: 'of two deletes at once, one finds the session',
    needs: ['revoke'],
    async run(place, one, other) {
      const { record } = await place.create();
      const { done } = await outcomes([one.delete(record.key), other.delete(record.key)]);
      assert.deepEqual(done.sort(), [false, true]);
    },
  },
  {
    title: 'of a delete with a base and an update from it, one wins',
    needs: ['compare', 'revoke'],
    async run(place, one, other) {
      for (let round = 0; round < 20; round++) {
        const { record, base } = await place.create();
        const update = () => one.update({ ...record, data: 'second' }, base);
        const end = () => other.delete(record.key, base);
        const calls: (() => Awaitable<unknown>)[] = round % 2 ? [update, end] : [end, update];
        const { done, refused } = await outcomes(calls.map((call) => call()));
        assert.equal(done.length, 1);
        const deleted = done[0] === true;
        assert.equal(refused[0]?.reason, deleted ? 'gone' : 'changed');
        await place.holds(record.key, deleted ? undefined : 'second');
      }
    },
  },
];

/** Calls that overlap, over one handle and over two. */
export const racingTests: readonly ConformanceTest[] = [1, 2].flatMap((handles) =>
  races.map(({ title, needs, run }) => ({
    title: `${title}, over ${handles === 1 ? 'one handle' : 'two handles'}`,
    needs: handles === 1 ? needs : [...needs, 'share'],
    async run(place) {
      const [one = place.backend, other = one] = await place.handles(handles);
      await run(place, one, other);
    },
  })),
);

async function increment(backend: SessionBackend, record: SessionRecord): Promise<void> {
  let found = await backend.load(record.key);
  for (let attempt = 0; attempt < 10_000; attempt++) {
    assert(found, 'the counter is gone');
    try {
      await backend.update({ ...record, data: String(Number(found.data) + 1) }, found.base);
      return;
    } catch (error) {
      found = changedTo(error);
      if (!found) throw error;
    }
  }
  assert.fail('an update never got its turn');
}
