import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSessions } from '@coatcheck/config';
import type { Serializer, Sessions } from '@coatcheck/core';
import {
  createRandom,
  type Django,
  describeDjangos,
  djangos,
  type PythonProcess,
} from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { djangoCache } from './django-cache.ts';
import { startDjangoSessions } from './django-sessions.ts';
import { describeWithDriver } from './drivers.ts';
import { isBefore } from './limits.ts';
import { cookiePlace, filePlace, redisPlace, sqlitePlace } from './places.ts';
import { RandomDocuments } from './random-documents.ts';
import { type Change, changeSession, type Entries, randomChange } from './session-change.ts';
import { SECRET_KEY, type SharedPlace } from './sites.ts';

// SEED=2 makes other documents.
const seed = Number(process.env.SEED ?? 1);
const BATCH = 250;
const DEEPEST = 64;
/** A session that came out otherwise than it should. */
interface Unequal {
  readonly document: string;
}

describeDjangos({ describe, it }, 'random sessions', (django) => {
  describeDocuments('in db on SQLite', django, sqlitePlace, { count: 10_000 });
  describeDocuments('in files', django, filePlace);
  // All of a session has to fit in a cookie.
  describeDocuments('in signed cookies', django, cookiePlace, { longest: 2500 });
});

describeWithRedis('random sessions in Redis', (redis) => {
  describeDjangos({ describe, it }, 'in one cache', (django) => {
    const { drivers } = djangoCache(django, 'json');
    describeWithDriver('random sessions in Redis', django, drivers, () => {
      // django-redis writes JSON as Python does by default.
      const spaces = isBefore(django, 4, 0);
      describeDocuments('as JSON', django, () => redisPlace(django, redis), { spaces });
      describeDocuments('as pickles', django, () => redisPlace(django, redis, 'pickle'));
    });
  });
});

interface Documents {
  /** For the first Django; a quarter of it for each other. @default 1000 */
  readonly count?: number;
  /** Characters of the JSON text at most, as it is stored. */
  readonly longest?: number;
  /** Whether Django's JSON has spaces between its parts there. */
  readonly spaces?: boolean;
}

/** Passes documents through Django and Coatcheck, in either order. */
function describeDocuments(
  title: string,
  django: Django,
  openPlace: (directory: string) => SharedPlace,
  { count: most = 1000, longest = 60_000, spaces = false }: Documents = {},
): void {
  // What differs between releases shows in fewer.
  const count = django === djangos()[0] ? most : most / 4;
  describe(title, () => {
    let directory: string;
    let python: PythonProcess;
    let sessions: Sessions<Entries>;
    let withBigInts: Sessions<Entries>;
    let stored: Sessions<Entries>;
    beforeAll(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-interop-'));
      const place = openPlace(directory);
      python = await startDjangoSessions(django, place);
      const config = { secretKey: SECRET_KEY, operationTimeoutMs: 30_000, ...place.coatcheck };
      sessions = await loadSessions(config);
      withBigInts = await loadSessions({ ...config, bigInts: true });
      stored = await loadSessions({ ...config, serializer: asText });
    });
    afterAll(async () => {
      const closing = [sessions, withBigInts, stored].map((each) => each?.close());
      await Promise.all([python?.stop(), ...closing]);
      rmSync(directory, { recursive: true, force: true });
    });

    it(`are what Django wrote, but for the entry that was changed here (${count} of them)`, async () => {
      const unequal: Unequal[] = [];
      for (const numbers of batches(count)) {
        const documents = numbers.map((n) => document('Python', n, longest));
        const keys = await python.call<string[]>('write', { documents });
        const saved = await Promise.all(keys.map((key, i) => change(key, numbers[i] as number)));
        unequal.push(
          ...(await python.call<Unequal[]>('compare', {
            keys: saved.map(({ key }) => key),
            documents,
            changes: saved.map(({ change }) => change),
          })),
        );
      }
      expect(shortest(unequal)).toEqual([]);
    }, 600_000);

    it(`are what was written here, but for the entry that Django changed (${count} of them)`, async () => {
      const unequal: Unequal[] = [];
      for (const numbers of batches(count)) {
        const documents = numbers.map((n) => document('JavaScript', n, longest));
        const created = await Promise.all(documents.map(create));
        const before = await Promise.all(created.map((key) => read(stored, key)));
        const changes = documents.map((text, i) =>
          randomChange(text, random(numbers[i] as number)),
        );
        const keys = await python.call<string[]>('change', { keys: created, changes });
        for (const [i, key] of keys.entries()) {
          const document = documents[i] as string;
          const change = changes[i] as Change;
          const texts = await read(stored, key);
          const found = [unchanged(texts, change), await read(sessions, key)];
          const expected = [
            unchanged(before[i] as [string, string][], change),
            changed(Object.entries(JSON.parse(document)), change),
          ];
          if (JSON.stringify(found) !== JSON.stringify(expected)) {
            unequal.push({ document, ...{ change, found, expected } });
          }
        }
      }
      expect(shortest(unequal)).toEqual([]);
    }, 600_000);

    /** The entries that were not changed, with their texts; not every Django writes JSON without spaces. */
    function unchanged(entries: [string, unknown][], { path }: Change): [string, string][] {
      return entries
        .filter(([name]) => name !== path[0])
        .map(([name, text]) => [name, spaces ? withoutSpaces(String(text)) : String(text)]);
    }

    async function create(text: string, i: number): Promise<string> {
      const session = (i % 2 ? sessions : withBigInts).open();
      session.update(Object.entries(JSON.parse(text)));
      await session.save();
      return String(session.sessionKey);
    }

    async function change(key: string, n: number): Promise<{ key: string; change: Change }> {
      const session = (n % 2 ? sessions : withBigInts).open(key);
      await session.load();
      const change = changeSession(session, random(n));
      await session.save();
      return { key: String(session.sessionKey), change };
    }
  });
}

/** Gives entries as the texts that are stored. */
const asText: Serializer = { dumps: (value) => JSON.stringify(value), loads: (text) => text };

async function read(sessions: Sessions<Entries>, key: string): Promise<[string, unknown][]> {
  const session = sessions.open(key);
  await session.load();
  return session.entries();
}

/** A JSON text without the spaces between its parts. */
function withoutSpaces(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
}

/** The entries of a session after the change of one of them. */
function changed(entries: [string, unknown][], { path, value }: Change): [string, unknown][] {
  const after = new Map(entries);
  if (value === undefined) after.delete(path[0]);
  else after.set(path[0], JSON.parse(value));
  return [...after];
}

/** The text of the nth document of this seed. */
function document(from: 'Python' | 'JavaScript', n: number, longest: number): string {
  const documents = new RandomDocuments(createRandom(seed * 2 ** 20 + n), from);
  for (;;) {
    const text = documents.next(DEEPEST);
    // As it is stored: what is not printable ASCII is escaped.
    if (text.replace(/[^ -~]/g, '\\u0000').length <= longest) return text;
  }
}

/** Random numbers for what happens to the nth document. */
function random(n: number): () => number {
  return createRandom(-seed * 2 ** 20 - n);
}

function batches(count: number): number[][] {
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, batch) =>
    Array.from({ length: Math.min(BATCH, count - batch * BATCH) }, (_, i) => batch * BATCH + i),
  );
}

/** The plainest examples of what went wrong. */
function shortest(unequal: readonly Unequal[]): readonly Unequal[] {
  return unequal.toSorted((a, b) => a.document.length - b.document.length).slice(0, 3);
}
