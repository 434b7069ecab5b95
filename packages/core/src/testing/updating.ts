import assert from 'node:assert/strict';
import type { ConformanceTest } from './conformance-test.ts';
import { hour } from './place.ts';
import { refusedAsChanged, refusedAsGone } from './refusals.ts';

/** `update`. */
export const updatingTests: readonly ConformanceTest[] = [
  {
    title: 'replaces the data while the base matches',
    async run(place) {
      const { record, base } = await place.create();
      const { key } = await place.backend.update({ ...record, data: 'second' }, base);
      await place.holds(key, 'second');
    },
  },
  {
    title: 'moves the expiry as well',
    needs: ['expire'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.update({ ...record, expiresAt: place.in(3 * hour) }, base);
      place.pass(2 * hour);
      await place.holds(record.key, 'first');
      place.pass(hour);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'accepts the base that an update returned, and the one that load returns',
    async run(place) {
      const { record, base } = await place.create();
      const second = await place.backend.update({ ...record, data: 'second' }, base);
      const third = await place.backend.update(
        { ...record, key: second.key, data: 'third' },
        second.base,
      );
      const found = await place.stored(third.key);
      assert.equal(found?.base, third.base);
      const fourth = await place.backend.update(
        { ...record, key: third.key, data: 'fourth' },
        found.base,
      );
      await place.holds(fourth.key, 'fourth');
    },
  },
  {
    title: 'refuses a stale base, and says what is stored now',
    needs: ['compare'],
    async run(place) {
      const { record, base } = await place.create();
      const second = await place.backend.update({ ...record, data: 'second' }, base);
      const current = await refusedAsChanged(
        place.backend.update({ ...record, data: 'third' }, base),
      );
      assert.equal(current.data, 'second');
      assert.equal(current.base, second.base);
      await place.holds(record.key, 'second');
      await place.backend.update({ ...record, data: 'third' }, current.base);
      await place.holds(record.key, 'third');
    },
  },
  {
    title: 'refuses a stale base even when the same data are stored already',
    needs: ['compare'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.update({ ...record, data: 'second' }, base);
      const current = await refusedAsChanged(
        place.backend.update({ ...record, data: 'second' }, base),
      );
      assert.equal(current.data, 'second');
    },
  },
  {
    title: 'leaves data and expiry alone when it refuses',
    needs: ['compare', 'expire'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.update({ ...record, data: 'second' }, base);
      const late = { ...record, data: 'third', expiresAt: place.in(9 * hour) };
      await refusedAsChanged(place.backend.update(late, base));
      place.pass(hour);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'counts the same data written again as a write',
    async run(place) {
      const { record, base } = await place.create();
      const again = await place.backend.update(record, base);
      const second = await place.backend.update(
        { ...record, key: again.key, data: 'second' },
        again.base,
      );
      await place.holds(second.key, 'second');
    },
  },
  {
    title: 'never inserts under an unknown key',
    needs: ['compare', 'keepKeys'],
    async run(place) {
      const record = place.record();
      await refusedAsGone(place.backend.update(record, record.data));
      await place.holds(record.key, undefined);
      await place.backend.create(record);
      await place.holds(record.key, 'first');
    },
  },
  {
    title: 'never brings a deleted session back',
    needs: ['compare', 'revoke'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.delete(record.key);
      await refusedAsGone(place.backend.update({ ...record, data: 'second' }, base));
      assert.equal(await place.backend.touch(record, base), undefined);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'refuses the base of an earlier session under the same key',
    needs: ['compare', 'revoke', 'keepKeys'],
    async run(place) {
      const { record, base } = await place.create();
      await place.backend.delete(record.key);
      await place.backend.create({ ...record, data: 'another' });
      const current = await refusedAsChanged(
        place.backend.update({ ...record, data: 'second' }, base),
      );
      assert.equal(current.data, 'another');
      await place.holds(record.key, 'another');
    },
  },
];
