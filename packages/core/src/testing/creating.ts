import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ConformanceTest } from './conformance-test.ts';
import { hour, year } from './place.ts';
import { refusedAsTaken } from './refusals.ts';

const printableAscii = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i));

/** `create` and `load`. */
export const creatingTests: readonly ConformanceTest[] = [
  {
    title: 'says how its data are encoded and when it answers',
    async run({ backend }) {
      const { encoding, answers } = backend;
      assert(encoding === 'serialized' || typeof encoding.salt === 'string');
      assert(answers === 'synchronously' || answers === 'later');
    },
  },
  {
    title: 'loads what was created, byte for byte',
    async run(place) {
      const { record, base } = await place.create({ data: 'eyJhIjoxfQ:1r31eq:5MgoLqkmKp1F-_' });
      const found = await place.stored(record.key);
      assert.equal(found?.data, record.data);
      assert.equal(found.base, base);
    },
  },
  {
    title: 'gives the expiry back to the millisecond, where it keeps it',
    async run(place) {
      for (const expiresAt of [place.in(hour), place.in(hour + 1), place.in(hour + 999)]) {
        const { record } = await place.create({ expiresAt });
        const found = await place.stored(record.key);
        assert(found);
        if (found.expiresAt) assert.equal(found.expiresAt.getTime(), expiresAt.getTime());
      }
    },
  },
  {
    title: 'answers at once or later, as it says',
    async run(place) {
      const { record } = await place.create();
      if (place.backend.answers === 'later') return;
      for (const key of [record.key, place.record().key]) {
        const answer: object | undefined = place.backend.load(key);
        assert(!(answer && 'then' in answer), 'load returned a promise');
      }
    },
  },
  {
    title: 'knows no session under an unknown key, and creates none by looking',
    needs: ['keepKeys'],
    async run(place) {
      const record = place.record();
      assert.equal(await place.stored(record.key), undefined);
      await place.backend.create(record);
      await place.holds(record.key, record.data);
    },
  },
  {
    title: 'returns the key that it was given',
    needs: ['keepKeys'],
    async run(place) {
      const record = place.record();
      assert.equal((await place.backend.create(record)).key, record.key);
    },
  },
  {
    title: 'refuses a key in use and leaves the record that has it',
    needs: ['keepKeys'],
    async run(place) {
      const { record, base } = await place.create();
      await refusedAsTaken(place.backend.create({ ...record, data: 'second' }));
      await refusedAsTaken(place.backend.create(record));
      await place.holds(record.key, 'first');
      await place.backend.update({ ...record, data: 'third' }, base);
      await place.holds(record.key, 'third');
    },
  },
  {
    title: 'lets two handles see each other’s records',
    needs: ['share', 'keepKeys'],
    async run(place) {
      const [one, two] = (await place.handles(2)) as [typeof place.backend, typeof place.backend];
      const record = place.record();
      const { key } = await one.create(record);
      await place.holds(key, 'first', two);
      await refusedAsTaken(two.create({ ...record, data: 'second' }));
    },
  },
  {
    title: 'keeps sessions apart',
    async run(place) {
      const records = await Promise.all(
        Array.from({ length: 20 }, (_, i) => place.create({ data: `session ${i}` })),
      );
      for (const { record } of records) await place.holds(record.key, record.data);
    },
  },
  {
    title: 'keeps every printable ASCII character',
    async run(place) {
      for (const data of [printableAscii, `  ${printableAscii}  `, '\'"`\\%_$1?{}[]', ' ']) {
        const { record } = await place.create({ data });
        await place.holds(record.key, data);
      }
    },
  },
  {
    title: 'keeps 100 KB',
    needs: ['keepKeys'],
    async run(place) {
      const data = randomBytes(75_000).toString('base64');
      const { record, base } = await place.create({ data });
      await place.holds(record.key, data);
      await place.backend.update({ ...record, data: `${data}!` }, base);
      await place.holds(record.key, `${data}!`);
    },
  },
  {
    title: 'takes keys of 32 letters and digits',
    needs: ['keepKeys'],
    async run(place) {
      for (const key of ['abcdefghijklmnopqrstuvwxyz012345', '6789'.repeat(8), '0'.repeat(32)]) {
        await place.create({ key });
        await place.holds(key, 'first');
      }
    },
  },
  {
    title: 'takes keys of 64 hexadecimal digits, and tells them apart by the last',
    needs: ['keepKeys'],
    hashKeys: true,
    async run(place) {
      const start = randomBytes(32).toString('hex').slice(0, 63);
      await place.create({ key: `${start}a` });
      await place.create({ key: `${start}b`, data: 'second' });
      await place.holds(`${start}a`, 'first');
      await place.holds(`${start}b`, 'second');
    },
  },
  {
    title: 'keeps a record that ends in fifty years',
    async run(place) {
      const { record } = await place.create({ expiresAt: place.in(50 * year) });
      await place.holds(record.key, 'first');
    },
  },
];
