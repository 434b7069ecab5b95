import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { memoryBackend, redisBackend } from '@coatcheck/cache';
import { jsonSerializer, randomText, type SessionBackend, TimestampSigner } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { redisIsMissing, startRedis } from '@coatcheck/test-support';
import { type RawStore, rawStores } from '../contenders/raw-stores.ts';
import type { Whereabouts } from '../places.ts';
import { RESIDENT } from './findings.ts';
import { type Cost, collect, measure } from './measure.ts';
import { entriesOf, RawVisits, SECRET, Visits, visits } from './visits.ts';

/** A measurement: what was done, where, with how much of it. */
export interface Row extends Cost {
  readonly what: string;
  readonly of: number;
}

const GIGABYTE = 2 ** 30;
const memory = (): SessionBackend =>
  memoryBackend({ maxEntries: 2_000_000, maxBytes: 4 * GIGABYTE });

/** A place to be used: ours, and where its driver alone has it. */
type Use = (backend: SessionBackend, raw: () => Promise<RawStore>) => Promise<void>;

/** The places whose cost must not grow; each is removed after its use. */
const places: Readonly<Record<string, (use: Use) => Promise<void>>> = {
  memory: (use) => use(memory(), rawIn('memory', { sessions: 2_000_000 })),
  SQLite: async (use) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-micro-'));
    try {
      const backend = sqliteBackend({ path: path.join(directory, 'ours.sqlite3') });
      await use(backend, rawIn('sqlite', { directory }));
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  Redis: async (use) => {
    if (redisIsMissing()) return;
    const server = await startRedis();
    try {
      const raw = rawIn('redis', { redisUrl: server.url, table: 'raw:' });
      await use(redisBackend({ url: server.url }), raw);
    } finally {
      await server.stop();
    }
  },
};

function rawIn(
  place: 'memory' | 'sqlite' | 'redis',
  at: Partial<Whereabouts>,
): () => Promise<RawStore> {
  const nowhere = { redisUrl: '', postgresqlUrl: '', mariadbUrl: '', directory: '', table: '' };
  return async () => rawStores[place].open({ ...nowhere, ...at });
}

/** What a request is made of; and whole requests to sessions in memory and in cookies. */
export async function operations(): Promise<Row[]> {
  const json = JSON.stringify(entriesOf(300));
  const value = entriesOf(300);
  const signer = new TimestampSigner({ key: SECRET, salt: 'benchmark' });
  const now = new Date();
  const signed = signer.signText(json, { compress: 1024, now });
  const parts: readonly [string, (i: number) => unknown][] = [
    ['make a key', () => randomText(32, 'abcdefghijklmnopqrstuvwxyz0123456789')],
    ['sign', () => signer.signText(json, { compress: 1024, now })],
    ['verify', () => signer.unsignText(signed)],
    ['encode', () => jsonSerializer.dumps(value)],
    ['decode', () => jsonSerializer.loads(json)],
    ['compare', () => jsonSerializer.dumps(value) === json],
  ];
  const rows: Row[] = [];
  for (const [what, run] of parts) rows.push({ what, of: 300, ...(await measure(run, 20_000)) });
  for (const [place, backend] of [
    ['memory', memory()],
    ['signed cookie', signedCookiesBackend()],
  ] as const) {
    const site = new Visits(backend);
    await site.fill(1000);
    rows.push({ what: `commit (${place})`, of: 300, ...(await measure(site.commits(), 10_000)) });
    for (const visit of visits) {
      const cost = await measure(site.runs(visit, 1000), 10_000);
      rows.push({ what: `request: ${visit} (${place})`, of: 300, ...cost });
    }
    await site.close();
  }
  return rows;
}

/** Requests to sessions of 100 bytes to 60 KiB. */
export async function sizes(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const bytes of [100, 300, 1000, 3000, 10_000, 30_000, 61_440]) {
    // Enough of them that the code is compiled, which V8 forgets when all garbage is collected between the measurements.
    const count = bytes > 10_000 ? 3000 : 10_000;
    for (const place of ['memory', 'SQLite']) {
      await places[place]?.(async (backend) => {
        const site = new Visits(backend, bytes);
        await site.fill(200);
        for (const visit of ['read', 'write'] as const) {
          const cost = await measure(site.runs(visit, 20), count, 20);
          rows.push({ what: `${visit} (${place})`, of: bytes, ...cost });
        }
        await site.close();
      });
    }
  }
  return rows;
}

const STORED = [1000, 10_000, 100_000, 1_000_000];

/** Requests of a thousand visitors, and of all of them, while more and more sessions are stored; also by the driver alone. */
export async function stored(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [place, open] of Object.entries(places)) {
    await open(async (backend, openRaw) => {
      const site = new Visits(backend);
      for (const count of STORED) {
        await site.fill(count);
        for (const visit of ['read', 'write'] as const) {
          const cost = await measure(site.runs(visit, 1000), 5000, 64);
          rows.push({ what: `${visit} (${place})`, of: count, ...cost });
        }
        const cost = await measure(site.runs('read', count), 20_000, 64);
        rows.push({ what: `read by all (${place})`, of: count, ...cost });
      }
      await site.close();
      rows.push(...(await storedRaw(place, await openRaw())));
    });
  }
  return rows;
}

async function storedRaw(place: string, store: RawStore): Promise<Row[]> {
  const rows: Row[] = [];
  const site = new RawVisits(store);
  for (const count of STORED) {
    await site.fill(count);
    for (const visit of ['read', 'write'] as const) {
      const cost = await measure(site.runs(visit, 1000), 5000, 64);
      rows.push({ what: `${visit} (${place}, its driver alone)`, of: count, ...cost });
    }
  }
  await store.close?.();
  return rows;
}

/** A thousand requests at once to one; many first, so that what is measured alone is compiled. */
export async function concurrency(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [place, open] of Object.entries(places)) {
    await open(async (backend) => {
      const site = new Visits(backend);
      await site.fill(2000);
      for (const atOnce of [1000, 100, 10, 1]) {
        for (const visit of ['read', 'write'] as const) {
          // A write alone waits for the disk each time.
          const cost = await measure(site.runs(visit, 2000), atOnce === 1 ? 500 : 5000, atOnce);
          rows.push({ what: `${visit} (${place})`, of: atOnce, ...cost });
        }
      }
      await site.close();
    });
  }
  return rows;
}

/** Memory after more and more requests of the same visitors, reads and writes; `bytes` is all that is in use. */
export async function heap(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [place, open] of Object.entries(places)) {
    await open(async (backend) => {
      const site = new Visits(backend);
      await site.fill(1000);
      const [read, write] = [site.runs('read', 1000), site.runs('write', 1000)];
      let done = 0;
      for (const count of [50_000, 100_000, 200_000, 500_000, 1_000_000]) {
        const began = done;
        const before = process.cpuUsage();
        const work = async (): Promise<void> => {
          while (done < count) {
            const i = done++;
            await (i % 10 === 0 ? write(i) : read(i));
          }
        };
        await Promise.all(Array.from({ length: 64 }, work));
        const { user, system } = process.cpuUsage(before);
        collect();
        const { heapUsed, rss } = process.memoryUsage();
        const row = { of: count, micros: (user + system) / (count - began) };
        rows.push({ ...row, what: `heap after (${place})`, bytes: heapUsed });
        rows.push({ ...row, what: `${RESIDENT} (${place})`, bytes: rss });
      }
      await site.close();
    });
  }
  return rows;
}
