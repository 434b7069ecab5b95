import assert from 'node:assert/strict';
import { type AccountIndex, type AccountNote, indexesAccounts } from '../account-index.ts';
import type { SessionBackend } from '../session-backend.ts';
import { type CreateBackend, hour, Place } from './place.ts';
import type { TestRunner } from './session-backend-suite.ts';

type Index = SessionBackend & AccountIndex;

interface IndexTest {
  readonly title: string;
  readonly hashKeys?: boolean;
  readonly run: (place: Place, index: Index) => Promise<void>;
}

/**
 * Defines the tests that every `AccountIndex` has to pass, beside those of `describeSessionBackend`, in any test
 * runner.
 *
 * @param createBackend makes an empty place for one test.
 */
export function describeAccountIndex(
  { describe, it }: TestRunner,
  name: string,
  createBackend: CreateBackend,
): void {
  describe(`${name} is an account index`, () => {
    for (const { title, hashKeys = false, run } of tests) {
      it(title, () =>
        Place.with(createBackend, hashKeys, async (place) => {
          const { original } = place;
          assert(indexesAccounts(original), 'it has no method noted');
          await run(place, original);
        }),
      );
    }
  });
}

/** A note of this moment; nothing is known of the visitor. */
function note(place: Place, key: string, fields: Partial<AccountNote> = {}): AccountNote {
  return {
    key,
    account: '7',
    seenAt: place.in(0),
    expiresAt: place.in(hour),
    address: null,
    userAgent: null,
    ...fields,
  };
}

async function keysOf(index: Index, account = '7'): Promise<string[]> {
  return (await index.noted(account)).map(({ key }) => key).sort();
}

const tests: readonly IndexTest[] = [
  {
    title: 'knows nothing of an account that was never noted',
    async run(_, index) {
      assert.deepEqual(await index.noted('nobody'), []);
      await index.forget('nobody', ['a'.repeat(32)], new Date());
    },
  },
  {
    title: 'finds the sessions of an account, with what is stored, and no others',
    async run(place, index) {
      const [one, two, other] = [await place.create(), await place.create(), await place.create()];
      await index.note(note(place, one.record.key, { address: '::1', userAgent: 'Browser é' }));
      await index.note(note(place, two.record.key));
      await index.note(note(place, other.record.key, { account: '77' }));
      const found = await index.noted('7');
      assert.deepEqual(found.map(({ key }) => key).sort(), [one.record.key, two.record.key].sort());
      const first = found.find(({ key }) => key === one.record.key);
      assert.deepEqual(
        { ...first, stored: first?.stored?.base },
        {
          key: one.record.key,
          createdAt: place.in(0),
          seenAt: place.in(0),
          address: '::1',
          userAgent: 'Browser é',
          stored: one.base,
        },
      );
      assert.deepEqual(first?.stored?.expiresAt, one.record.expiresAt);
      assert.deepEqual(await keysOf(index, '77'), [other.record.key]);
    },
  },
  {
    title: 'finds a session with keys that are digests',
    hashKeys: true,
    async run(place, index) {
      const { record } = await place.create({ key: 'ab'.repeat(32) });
      await index.note(note(place, record.key));
      assert.deepEqual(await keysOf(index), [record.key]);
    },
  },
  {
    title: 'keeps a note whose session is not stored, for it may be about to be',
    async run(place, index) {
      const { key } = place.record();
      await index.note(note(place, key));
      const [found] = await index.noted('7');
      assert.equal(found?.key, key);
      assert.equal(found?.stored, undefined);
      await place.backend.create(place.record({ key }));
      const [after] = await index.noted('7');
      assert(after?.stored);
    },
  },
  {
    title: 'shows no session that has expired or was ended',
    async run(place, index) {
      const short = await place.create({ expiresAt: place.in(1000) });
      const ended = await place.create();
      await index.note(note(place, short.record.key));
      await index.note(note(place, ended.record.key));
      await index.delete(ended.record.key);
      place.pass(1000);
      const found = await index.noted('7');
      assert(found.every(({ stored }) => stored === undefined));
    },
  },
  {
    title: 'renews a note: the creation stays, and what the new one does not know',
    async run(place, index) {
      const { record } = await place.create();
      const createdAt = place.in(0);
      await index.note(note(place, record.key, { address: '::1', userAgent: 'A' }));
      place.pass(5000);
      await index.note(note(place, record.key, { userAgent: 'B' }));
      const [found, ...more] = await index.noted('7');
      assert.deepEqual(more, []);
      assert.deepEqual(
        [found?.createdAt, found?.seenAt, found?.address, found?.userAgent],
        [createdAt, place.in(0), '::1', 'B'],
      );
    },
  },
  {
    title:
      'finds a session under the account that was noted last, without what was known of the other',
    async run(place, index) {
      const { record } = await place.create();
      await index.note(note(place, record.key, { address: '::1', userAgent: 'A' }));
      place.pass(5000);
      await index.note(note(place, record.key, { account: 'eight' }));
      const [found] = await index.noted('eight');
      assert.equal(found?.key, record.key);
      assert.deepEqual(found?.createdAt, place.in(0));
      assert.deepEqual([found?.address, found?.userAgent], [null, null]);
    },
  },
  {
    title: 'forgets what was not seen since, and only of that account',
    async run(place, index) {
      const [old, fresh] = [place.record().key, place.record().key];
      await index.note(note(place, old));
      place.pass(5000);
      await index.note(note(place, fresh));
      await index.forget('8', [old, fresh], place.in(1));
      assert.deepEqual(await keysOf(index), [old, fresh].sort());
      await index.forget('7', [old, fresh], place.in(0));
      assert.deepEqual(await keysOf(index), [fresh]);
    },
  },
  {
    title: 'tells accounts apart byte by byte, whatever they are made of',
    async run(place, index) {
      const accounts = [
        'a',
        'A',
        'a ',
        'á',
        'a\u0301',
        '%',
        "o'neil",
        'x'.repeat(255),
        '日本',
        '7',
      ];
      const keys = new Map<string, string>();
      for (const account of accounts) {
        const { key } = place.record();
        keys.set(account, key);
        await index.note(note(place, key, { account }));
      }
      for (const account of accounts) {
        assert.deepEqual(await keysOf(index, account), [keys.get(account)], account);
      }
    },
  },
  {
    title: 'takes many notes at once',
    async run(place, index) {
      const keys = Array.from({ length: 50 }, () => place.record().key);
      await Promise.all(keys.map((key) => index.note(note(place, key))));
      assert.deepEqual(await keysOf(index), keys.sort());
    },
  },
];
