import assert from 'node:assert/strict';
import type { ConformanceTest } from './conformance-test.ts';

/** `close`. */
export const closingTests: readonly ConformanceTest[] = [
  {
    title: 'waits for writes under way',
    async run(place) {
      let settled = 0;
      const writes = Array.from({ length: 20 }, async () => {
        await place.backend.create(place.record());
        settled++;
      });
      await place.backend.close();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(settled, 20);
      await Promise.all(writes);
    },
  },
  {
    title: 'leaves what was written to other handles',
    needs: ['share', 'keepKeys'],
    async run(place) {
      const another = await place.another();
      const records = Array.from({ length: 20 }, () => place.record());
      const writes = records.map((record) => place.backend.create(record));
      await place.backend.close();
      await Promise.all(writes);
      for (const { key } of records) await place.holds(key, 'first', another);
      await another.create(place.record());
    },
  },
  {
    title: 'may be called twice',
    async run({ backend }) {
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
    },
  },
  {
    title: 'is the last call that is answered',
    needs: ['close'],
    async run(place) {
      const { backend } = place;
      const { record, base } = await place.create();
      await backend.close();
      const calls: Record<string, () => unknown> = {
        load: () => backend.load(record.key),
        create: () => backend.create(place.record()),
        update: () => backend.update(record, base),
        touch: () => backend.touch(record, base),
        delete: () => backend.delete(record.key),
        clearExpired: () => backend.clearExpired(),
      };
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(async () => call(), `${name} was answered after close`);
      }
    },
  },
];
