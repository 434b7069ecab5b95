import assert from 'node:assert/strict';
import type { ConformanceTest } from './conformance-test.ts';
import { hour } from './place.ts';

/** `clearExpired`. */
export const clearingTests: readonly ConformanceTest[] = [
  {
    title: 'leaves live sessions alone',
    async run(place) {
      const records = await place.createMany(5);
      place.pass(hour - 1);
      assert.equal(await place.backend.clearExpired(), 0);
      assert.equal(await place.remaining(records), 5);
    },
  },
  {
    title: 'removes nothing from an empty place',
    async run({ backend }) {
      assert.equal(await backend.clearExpired(), 0);
      assert.equal(await backend.clearExpired({ dryRun: true }), 0);
    },
  },
  {
    title: 'removes exactly what has expired, and counts it',
    needs: ['clear'],
    async run(place) {
      await place.createMany(3, { expiresAt: place.in(hour) });
      await place.createMany(4, { expiresAt: place.in(hour - 1) });
      const live = await place.createMany(5, { expiresAt: place.in(hour + 1) });
      place.pass(hour);
      assert.equal(await place.backend.clearExpired(), 7);
      assert.equal(await place.backend.clearExpired(), 0);
      assert.equal(await place.remaining(live), 5);
    },
  },
  {
    title: 'removes in batches, and reports after each',
    needs: ['clear'],
    async run(place) {
      await place.createMany(10);
      place.pass(hour);
      const live = await place.createMany(2);
      const progress: number[] = [];
      const onProgress = (cleared: number): void => void progress.push(cleared);
      assert.equal(await place.backend.clearExpired({ batchSize: 4, onProgress }), 10);
      assert.equal(progress.at(-1), 10);
      for (const [i, cleared] of progress.entries()) {
        const step = cleared - (progress[i - 1] ?? 0);
        assert(step > 0 && step <= 4, `a step of ${step}`);
      }
      assert.equal(await place.remaining(live), 2);
    },
  },
  {
    title: 'removes all when the last batch is full',
    needs: ['clear'],
    async run(place) {
      await place.createMany(6);
      place.pass(hour);
      assert.equal(await place.backend.clearExpired({ batchSize: 3 }), 6);
      assert.equal(await place.backend.clearExpired({ batchSize: 1 }), 0);
    },
  },
  {
    title: 'counts without removing in a dry run',
    needs: ['clear'],
    async run(place) {
      await place.createMany(5);
      place.pass(hour);
      await place.createMany(2);
      assert.equal(await place.backend.clearExpired({ dryRun: true, batchSize: 2 }), 5);
      assert.equal(await place.backend.clearExpired({ dryRun: true }), 5);
      assert.equal(await place.backend.clearExpired(), 5);
    },
  },
  {
    title: 'removes what ends at or before a given instant',
    needs: ['clear'],
    async run(place) {
      await place.createMany(2, { expiresAt: place.in(hour) });
      await place.createMany(3, { expiresAt: place.in(2 * hour) });
      const [inOneHour, inTwo] = [place.in(hour), place.in(2 * hour)];
      place.pass(3 * hour);
      assert.equal(await place.backend.clearExpired({ expiresAt: inOneHour, dryRun: true }), 2);
      assert.equal(await place.backend.clearExpired({ expiresAt: inOneHour }), 2);
      assert.equal(await place.backend.clearExpired({ expiresAt: inTwo }), 3);
    },
  },
  {
    title: 'stops between two batches when it is told to',
    needs: ['clear'],
    async run(place) {
      await place.createMany(9);
      place.pass(hour);
      const stopped = AbortSignal.abort();
      assert.equal(await place.backend.clearExpired({ signal: stopped }), 0);

      const stop = new AbortController();
      const onProgress = (): void => stop.abort();
      const { signal } = stop;
      assert.equal(await place.backend.clearExpired({ batchSize: 4, signal, onProgress }), 4);
      assert.equal(await place.backend.clearExpired(), 5);
    },
  },
  ...[1, 2].map(
    (handles): ConformanceTest => ({
      title: `counts no record twice when it runs twice at once, over ${handles === 1 ? 'one handle' : 'two handles'}`,
      needs: handles === 1 ? ['clear'] : ['clear', 'share'],
      async run(place) {
        const backends = await place.handles(handles);
        await place.createMany(40);
        place.pass(hour);
        const live = await place.createMany(3);
        const counts = await Promise.all(
          Array.from({ length: 4 }, (_, i) =>
            backends[i % handles]?.clearExpired({ batchSize: 3 + i }),
          ),
        );
        const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
        assert.equal(total, 40);
        assert.equal(await place.remaining(live), 3);
      },
    }),
  ),
];
