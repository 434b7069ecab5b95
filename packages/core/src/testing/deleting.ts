import assert from 'node:assert/strict';
import type { ConformanceTest } from './conformance-test.ts';
import { refusedAsChanged } from './refusals.ts';

/** `delete`, with and without a base. */
export const deletingTests: readonly ConformanceTest[] = [
  {
    title: 'ends a session, once',
    needs: ['revoke'],
    async run(place) {
      const { record } = await place.create();
      assert.equal(await place.backend.delete(record.key), true);
      await place.holds(record.key, undefined);
      assert.equal(await place.backend.delete(record.key), false);
    },
  },
  {
    title: 'says when there was nothing to end',
    needs: ['revoke'],
    async run(place) {
      assert.equal(await place.backend.delete(place.record().key), false);
      assert.equal(await place.backend.delete(place.record().key, 'first'), false);
    },
  },
  {
    title: 'ends no other session',
    needs: ['revoke'],
    async run(place) {
      const [one, other] = [await place.create(), await place.create()];
      await place.backend.delete(one.record.key);
      await place.holds(other.record.key, 'first');
    },
  },
  {
    title: 'ends a session for every handle',
    needs: ['revoke', 'share'],
    async run(place) {
      const { record } = await place.create();
      const another = await place.another();
      await place.holds(record.key, 'first', another);
      await place.backend.delete(record.key);
      await place.holds(record.key, undefined, another);
    },
  },
  {
    title: 'frees the key',
    needs: ['revoke', 'keepKeys'],
    async run(place) {
      const { record } = await place.create();
      await place.backend.delete(record.key);
      await place.backend.create({ ...record, data: 'second' });
      await place.holds(record.key, 'second');
    },
  },
  {
    title: 'with a base, ends the session while it is unchanged',
    needs: ['revoke', 'compare'],
    async run(place) {
      const { record, base } = await place.create();
      assert.equal(await place.backend.delete(record.key, base), true);
      await place.holds(record.key, undefined);
      assert.equal(await place.backend.delete(record.key, base), false);
    },
  },
  {
    title: 'with a base, leaves a session that changed, and says what is stored now',
    needs: ['revoke', 'compare'],
    async run(place) {
      const { record, base } = await place.create();
      const second = await place.backend.update({ ...record, data: 'second' }, base);
      const current = await refusedAsChanged(place.backend.delete(record.key, base));
      assert.equal(current.data, 'second');
      assert.equal(current.base, second.base);
      await place.holds(record.key, 'second');
      assert.equal(await place.backend.delete(record.key, current.base), true);
      await place.holds(record.key, undefined);
    },
  },
];
