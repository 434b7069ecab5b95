import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSessions, type SessionsConfig } from '@coatcheck/config';
import { type Django, describeDjangos, type PythonProcess } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from 'coatcheck';
import { describeServers } from '../../db/test/database-servers.ts';
import { startDjangoSessions } from './django-sessions.ts';
import { describeWithDriver, serverDrivers } from './drivers.ts';
import { isBefore } from './limits.ts';
import { filePlace, serverPlace, sqlitePlace } from './places.ts';
import {
  inWholeSeconds,
  type Lifetime,
  lifetimesOf,
  onTheWall,
  type Season,
  seasons,
} from './seasons.ts';
import { SECRET_KEY, type SharedPlace } from './sites.ts';
import { zones } from './zones.ts';

/** A session that was stored, in words, and when it ends. */
interface Kept extends Lifetime {
  readonly title: string;
  readonly key: string;
}

/** What Django's own command does with a session. */
interface DjangoClears {
  /** What it never removes, for the title. */
  readonly but?: string;
  leaves(session: Kept, at: number): boolean;
}

// At the last moment itself Django keeps what it does not load any more.
const table: DjangoClears = { leaves: ({ endsAt }, at) => endsAt >= at };

describeDjangos({ describe, it }, 'expired sessions on SQLite', (django) => {
  describeClearing(django, sqlitePlace, table);
});

describeServers('expired sessions', ({ name, open }) => {
  describeDjangos({ describe, it }, 'in one table', (django) => {
    describeWithDriver('expired sessions in one table', django, serverDrivers(name), () => {
      describeClearing(django, async () => serverPlace(await open()), table);
    });
  });
});

describeDjangos({ describe, it }, 'expired sessions in files', (django) => {
  const but = ', but those that end after seconds';
  const isInSeconds = (expiry: Lifetime['expiry']): boolean =>
    typeof expiry === 'number' ? expiry > 0 : expiry !== null && isBefore(django, 4, 1);
  // The second before a date is over already.
  const leaves = ({ expiry, endsAt }: Kept, at: number): boolean =>
    isInSeconds(expiry) || endsAt >= at + 1000;
  describeClearing(django, filePlace, { but, leaves });
});

function describeClearing(
  django: Django,
  openPlace: (directory: string) => SharedPlace | Promise<SharedPlace>,
  { but = '', leaves }: DjangoClears,
): void {
  describe.each(zones)('$title', (zone) => {
    let directory: string;
    let place: SharedPlace;
    let python: PythonProcess;
    let config: SessionsConfig;
    let files: string | undefined;
    let runs = 0;
    const django32 = isBefore(django, 4, 1);

    beforeAll(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-interop-'));
      place = await openPlace(directory);
      files = place.coatcheck.file?.path;
      python = await startDjangoSessions(django, {
        ...place,
        django: { ...place.django, ...zone.django },
      });
      config = {
        secretKey: SECRET_KEY,
        ...place.coatcheck,
        ...zone.coatcheck,
        ...(django32 && { django: '3.2' }),
        operationTimeoutMs: 30_000,
      };
    }, 60_000);
    afterAll(async () => {
      await python?.stop();
      await place?.close?.();
      rmSync(directory, { recursive: true, force: true });
    }, 60_000);

    it.each(seasons)(
      'are what `coatcheck clearsessions` removes, whoever wrote them, $title',
      async (season) => {
        const stored = await store(season);
        const moments = [
          ...season.moments,
          ...(zone.coatcheck.timeZone ? [] : (season.twice ?? [])),
        ];
        for (const moment of moments.sort((a, b) => Date.parse(a) - Date.parse(b))) {
          const before = await saved(stored);
          const removed = await clearHere(moment);
          const after = await saved(stored);
          expect({ moment, left: titles(after) }).toEqual({
            moment,
            left: titles(stored.filter(({ endsAt }) => endsAt > Date.parse(moment))),
          });
          expect(removed).toBe(before.length - after.length);
        }
        expect(await saved(stored)).toEqual([]);
      },
    );

    it.each(seasons)(
      `are what Django's clearsessions removes${but}, whoever wrote them, $title`,
      async (season) => {
        const stored = await store(season);
        for (const moment of season.moments) {
          await python.call('clear', { now: iso(moment) });
          expect({ moment, left: titles(await saved(stored)) }).toEqual({
            moment,
            left: titles(stored.filter((session) => leaves(session, Date.parse(moment)))),
          });
        }
        await clearHere('2027-01-01T00:00:00Z');
      },
    );

    /** Sessions of either side with each lifetime. */
    async function store(season: Season): Promise<Kept[]> {
      const all = lifetimesOf(season);
      const here = django32 ? all.map((each) => inWholeSeconds(each, season)) : all;
      let there = django32 ? all.filter(({ expiry }) => typeof expiry !== 'string') : all;
      const { timeZone } = zone.coatcheck;
      if (timeZone && !files) there = there.flatMap((each) => onTheWall(each, season, timeZone));
      const keysHere = await writeHere(season.start, here);
      const keysThere = await python.call<string[]>('write_expiring', {
        now: iso(season.start),
        expiries: there.map(({ expiry }) => (typeof expiry === 'string' ? iso(expiry) : expiry)),
      });
      if (files) touchFiles(files, season.start);
      return [
        ...here.map((lifetime, i) => kept('Coatcheck', keysHere[i], lifetime)),
        ...there.map((lifetime, i) => kept('Django', keysThere[i], lifetime)),
      ];
    }

    async function writeHere(start: string, lifetimes: readonly Lifetime[]): Promise<string[]> {
      const sessions = await loadSessions({ ...config, now: () => new Date(start) });
      const keys = lifetimes.map(async ({ expiry }) => {
        const session = sessions.open();
        session.set('by', 'Coatcheck');
        session.setExpiry(typeof expiry === 'string' ? new Date(expiry) : expiry);
        await session.save();
        return String(session.sessionKey);
      });
      const all = await Promise.all(keys);
      await sessions.close();
      return all;
    }

    /** Runs the command at another time; how many sessions it says that it removed. */
    async function clearHere(moment: string): Promise<number> {
      runs += 1;
      const file = path.join(directory, `sessions-${runs}.config.mjs`);
      const now = `now: () => new Date(${JSON.stringify(moment)})`;
      writeFileSync(file, `export default { ...${JSON.stringify(config)}, ${now} };`);
      let output = '';
      const code = await run(['clearsessions', '--json', '--config', file], {
        env: {},
        stdout: (text) => {
          output += text;
        },
      });
      expect(code).toBe(0);
      return JSON.parse(output).removed;
    }

    async function saved(stored: readonly Kept[]): Promise<Kept[]> {
      const keys = await python.call<string[]>('saved', { keys: stored.map(({ key }) => key) });
      const left = new Set(keys);
      return stored.filter(({ key }) => left.has(key));
    }
  });
}

function kept(by: string, key: string | undefined, lifetime: Lifetime): Kept {
  const end = new Date(lifetime.endsAt).toISOString();
  return { ...lifetime, key: String(key), title: `${end} by ${by}, ${lifetime.expiry}` };
}

/** As if they had all been written then. */
function touchFiles(directory: string, instant: string): void {
  const at = new Date(instant);
  for (const name of readdirSync(directory)) utimesSync(path.join(directory, name), at, at);
}

/** As Python reads it. */
function iso(instant: string): string {
  return new Date(instant).toISOString().replace('Z', '+00:00');
}

function titles(sessions: readonly Kept[]): string[] {
  return sessions.map(({ title }) => title).sort();
}
