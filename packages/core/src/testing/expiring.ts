import assert from 'node:assert/strict';
import type { SessionRecord } from '../session-backend.ts';
import type { ConformanceTest } from './conformance-test.ts';
import { hour, type Place, year } from './place.ts';
import { refusedAsChanged, refusedAsGone } from './refusals.ts';

/** What an expired record is to every call: gone. */
export const expiringTests: readonly ConformanceTest[] = [
  ...[0, 1, 500, 999].map(
    (ms): ConformanceTest => ({
      title: `lets a record that ends ${ms} ms past the second live until then and no longer`,
      needs: ['expire'],
      async run(place) {
        const { record } = await place.create({ expiresAt: place.in(hour + ms) });
        place.pass(hour + ms - 1);
        await place.holds(record.key, 'first');
        place.pass(1);
        await place.holds(record.key, undefined);
      },
    }),
  ),
  {
    title: 'tells a record that ends on the second from a moment later in it',
    needs: ['expire'],
    async run(place) {
      const ends = await place.create({ expiresAt: place.in(hour) });
      const lasts = await place.create({ expiresAt: place.in(hour + 1000) });
      place.pass(hour + 500);
      await place.holds(ends.record.key, undefined);
      await place.holds(lasts.record.key, 'first');
    },
  },
  {
    title: 'lets a record end in the past when it is created',
    needs: ['expire', 'keepKeys'],
    async run(place) {
      for (const ms of [0, -1, -hour, -20 * year]) {
        const record = place.record({ expiresAt: place.in(ms) });
        assert.equal((await place.backend.create(record)).key, record.key);
        await place.holds(record.key, undefined);
      }
    },
  },
  {
    title: 'lets a record end in the past when it is updated or touched',
    needs: ['expire'],
    async run(place) {
      const updated = await place.create();
      const ended = { ...updated.record, expiresAt: place.in(-1) };
      await place.backend.update(ended, updated.base);
      await place.holds(updated.record.key, undefined);

      const touched = await place.create();
      await place.backend.touch({ ...touched.record, expiresAt: place.in(0) }, touched.base);
      await place.holds(touched.record.key, undefined);
    },
  },
  {
    title: 'does not update an expired record',
    needs: ['expire', 'compare'],
    async run(place) {
      const { record, base } = await expired(place);
      const late = { ...record, data: 'second', expiresAt: place.in(hour) };
      await refusedAsGone(place.backend.update(late, base));
      await refusedAsGone(place.backend.update(late, 'stale'));
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'does not touch an expired record',
    needs: ['expire', 'compare'],
    async run(place) {
      const { record, base } = await expired(place);
      const late = { ...record, expiresAt: place.in(hour) };
      assert.equal(await place.backend.touch(late, base), undefined);
      await place.holds(record.key, undefined);
    },
  },
  {
    title: 'finds nothing to delete in an expired record',
    needs: ['expire', 'revoke'],
    async run(place) {
      const unconditional = await expired(place);
      assert.equal(await place.backend.delete(unconditional.record.key), false);
      const conditional = await expired(place);
      assert.equal(await place.backend.delete(conditional.record.key, conditional.base), false);
      assert.equal(await place.backend.delete(conditional.record.key, 'stale'), false);
    },
  },
  {
    title: 'gives the key of an expired record to a new one, which the old base does not fit',
    needs: ['expire', 'keepKeys', 'compare'],
    async run(place) {
      const { record, base } = await expired(place);
      const next = { ...record, data: 'next', expiresAt: place.in(hour) };
      await place.backend.create(next);
      await place.holds(record.key, 'next');
      const current = await refusedAsChanged(place.backend.update({ ...next, data: 'late' }, base));
      assert.equal(current.data, 'next');
    },
  },
  {
    title: 'gives the key of an expired record to one of two that ask at once',
    needs: ['expire', 'keepKeys'],
    async run(place) {
      const { record } = await expired(place);
      const calls = ['one', 'other'].map((data) =>
        place.backend.create({ ...record, data, expiresAt: place.in(hour) }),
      );
      const settled = await Promise.allSettled(calls);
      const winners = settled.filter(({ status }) => status === 'fulfilled');
      assert.equal(winners.length, 1);
      await place.holds(record.key, settled[0]?.status === 'fulfilled' ? 'one' : 'other');
    },
  },
];

async function expired(place: Place): Promise<{ record: SessionRecord; base: string }> {
  const created = await place.create();
  place.pass(hour);
  return created;
}
