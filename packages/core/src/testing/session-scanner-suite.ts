import assert from 'node:assert/strict';
import {
  type ScannedSession,
  type ScanOptions,
  type SessionScanner,
  scansSessions,
} from '../session-scanner.ts';
import { type CreateBackend, Place } from './place.ts';
import type { TestRunner } from './session-backend-suite.ts';

/** What a scanner under test has. */
export interface ScannerOptions {
  /** Whether it goes through the keys in their order, and can go on after one. @default true */
  readonly ordered?: boolean;
}

interface ScannerTest {
  readonly title: string;
  readonly hashKeys?: boolean;
  readonly needsOrder?: boolean;
  readonly run: (place: Place, scanner: SessionScanner) => Promise<void>;
}

/**
 * Defines the tests that every `SessionScanner` has to pass, beside those of `describeSessionBackend`, in any test
 * runner.
 *
 * @param createBackend makes an empty place for one test.
 */
export function describeSessionScanner(
  { describe, it }: TestRunner,
  name: string,
  createBackend: CreateBackend,
  { ordered = true }: ScannerOptions = {},
): void {
  describe(`${name} can be scanned`, () => {
    for (const { title, hashKeys = false, needsOrder = false, run } of tests) {
      if (needsOrder && !ordered) continue;
      it(title, () =>
        Place.with(createBackend, hashKeys, async (place) => {
          const { original } = place;
          assert(scansSessions(original), 'it has no method scan');
          await run(place, original);
        }),
      );
    }
    if (ordered) return;
    it('refuses to go on where it has no order', () =>
      Place.with(createBackend, false, async ({ original }) => {
        assert(scansSessions(original), 'it has no method scan');
        await assert.rejects(scanned(original, { after: 'a' }), { name: 'ImproperlyConfigured' });
      }));
  });
}

async function scanned(scanner: SessionScanner, options?: ScanOptions): Promise<ScannedSession[]> {
  const found: ScannedSession[] = [];
  for await (const { sessions } of scanner.scan(options)) found.push(...sessions);
  return found;
}

/** Each key once, sorted: where a place has no order, it may come twice. */
async function keysOf(scanner: SessionScanner, options?: ScanOptions): Promise<string[]> {
  return [...new Set((await scanned(scanner, options)).map(({ key }) => key))].sort();
}

const sortedKeys = (records: readonly { key: string }[]): string[] =>
  records.map(({ key }) => key).sort();

const tests: readonly ScannerTest[] = [
  {
    title: 'finds nothing in an empty place',
    async run(_, scanner) {
      assert.deepEqual(await scanned(scanner), []);
    },
  },
  {
    title: 'finds each session, as load finds it, with its end',
    async run(place, scanner) {
      const records = await place.createMany(5);
      assert.deepEqual(await keysOf(scanner), sortedKeys(records));
      for (const { key, stored } of await scanned(scanner)) {
        const loaded = await place.original.load(key);
        assert.deepEqual([stored.data, stored.base], [loaded?.data, loaded?.base]);
        // By a server's clock, a moment passes between two questions.
        const end = Number(records.find((record) => record.key === key)?.expiresAt);
        assert(Math.abs(Number(stored.expiresAt) - end) < 60_000);
      }
    },
  },
  {
    title: 'finds a session with a key that is a digest, as it is',
    hashKeys: true,
    async run(place, scanner) {
      const { record } = await place.create({ key: 'ab'.repeat(32) });
      assert.deepEqual(await keysOf(scanner), [record.key]);
    },
  },
  {
    title: 'goes in batches of the size that is asked for, and misses nothing between them',
    async run(place, scanner) {
      const records = await place.createMany(25);
      for (const batchSize of [1, 4, 25, 26]) {
        assert.deepEqual(await keysOf(scanner, { batchSize }), sortedKeys(records));
        for await (const { sessions } of scanner.scan({ batchSize })) {
          assert(sessions.length > 0 && sessions.length <= batchSize);
        }
      }
    },
  },
  {
    title: 'goes in the order of the keys, each once',
    needsOrder: true,
    async run(place, scanner) {
      const records = await place.createMany(20);
      const found = await scanned(scanner, { batchSize: 3 });
      assert.deepEqual(
        found.map(({ key }) => key),
        sortedKeys(records),
      );
    },
  },
  {
    title: 'goes on after a batch, in another handle too, and after the beginning of a key',
    needsOrder: true,
    async run(place, scanner) {
      const keys = sortedKeys(await place.createMany(10));
      const [first] = await batches(scanner, { batchSize: 4 });
      assert(first?.after !== undefined);
      assert.deepEqual(await keysOf(scanner, { after: first.after }), keys.slice(4));
      assert.deepEqual(await keysOf(scanner, { after: keys[9] ?? '' }), []);
      const beginning = (keys[6] ?? '').slice(0, -1);
      assert.deepEqual(await keysOf(scanner, { after: beginning }), keys.slice(6));
    },
  },
  {
    title: 'goes on behind a session that was removed meanwhile',
    needsOrder: true,
    async run(place, scanner) {
      const keys = sortedKeys(await place.createMany(6));
      const rest: string[] = [];
      for await (const { sessions } of scanner.scan({ batchSize: 2 })) {
        rest.push(...sessions.map(({ key }) => key));
        for (const { key } of sessions) await place.original.delete(key);
      }
      assert.deepEqual(rest, keys);
      assert.deepEqual(await keysOf(scanner), []);
    },
  },
  {
    title: 'says of an expired record that it has, or does not find it',
    async run(place, scanner) {
      const short = await place.create({ expiresAt: place.in(1000) });
      const { record } = await place.create();
      place.pass(1000);
      const found = await scanned(scanner);
      assert(found.some(({ key }) => key === record.key));
      const expired = found.find(({ key }) => key === short.record.key);
      if (expired) assert(expired.stored.expiresAt && expired.stored.expiresAt <= place.in(0));
    },
  },
  {
    title: 'stops between two batches when it is told to',
    async run(place, scanner) {
      await place.createMany(30);
      const controller = new AbortController();
      let seen = 0;
      for await (const { sessions } of scanner.scan({ batchSize: 2, signal: controller.signal })) {
        seen += sessions.length;
        controller.abort();
      }
      assert(seen > 0 && seen <= 2);
      assert.deepEqual(await scanned(scanner, { signal: AbortSignal.abort() }), []);
    },
  },
  {
    title: 'refuses a batch of no size',
    async run(_, scanner) {
      for (const batchSize of [0, -1, 1.5, Number.NaN]) {
        await assert.rejects(scanned(scanner, { batchSize }), { name: 'RangeError' });
      }
    },
  },
];

async function batches(scanner: SessionScanner, options: ScanOptions) {
  const found = [];
  for await (const batch of scanner.scan(options)) found.push(batch);
  return found;
}
