import assert from 'node:assert/strict';
import type { ConformanceTest } from './conformance-test.ts';
import { hour } from './place.ts';

/** `touch`. */
export const touchingTests: readonly ConformanceTest[] = [
  {
    title: 'moves the expiry and keeps the data',
    needs: ['expire'],
    async run(place) {
      const { record, base } = await place.create();
      assert(await place.backend.touch({ ...record, expiresAt: place.in(3 * hour) }, base));
      place.pass(2 * hour);
      await place.holds(record.key, 'first');
      place.pass(hour);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'may move the expiry back',
    needs: ['expire'],
    async run(place) {
      const { record, base } = await place.create({ expiresAt: place.in(3 * hour) });
      assert(await place.backend.touch({ ...record, expiresAt: place.in(hour) }, base));
      place.pass(hour);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'returns a base that the next update may name',
    async run(place) {
      const { record, base } = await place.create();
      const touched = await place.backend.touch(record, base);
      assert(touched);
      assert.equal((await place.stored(touched.key))?.base, touched.base);
      const second = { ...record, key: touched.key, data: 'second' };
      const { key } = await place.backend.update(second, touched.base);
      await place.holds(key, 'second');
    },
  },
  {
    title: 'stores the data as they are signed anew',
    async run(place) {
      const { record, base } = await place.create();
      const touched = await place.backend.touch({ ...record, data: 'first, signed anew' }, base);
      assert(touched);
      await place.holds(touched.key, 'first, signed anew');
    },
  },
  {
    title: 'does nothing to a session that changed, and says so',
    needs: ['compare'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.update({ ...record, data: 'second' }, base);
      assert.equal(await place.backend.touch(record, base), undefined);
      await place.holds(record.key, 'second');
    },
  },
  {
    title: 'does not move the expiry of a session that changed',
    needs: ['compare', 'expire'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.update({ ...record, data: 'second' }, base);
      await place.backend.touch({ ...record, expiresAt: place.in(3 * hour) }, base);
      place.pass(hour);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'makes no session of an unknown key, and says so',
    needs: ['compare', 'keepKeys'],
    async run(place) {
      const record = place.record();
      assert.equal(await place.backend.touch(record, record.data), undefined);
      await place.holds(record.key, undefined);
    },
  },
];
