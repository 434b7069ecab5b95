import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig, loadSessions } from '@coatcheck/config';
import * as core from '@coatcheck/core';
import {
  type Django,
  describeDjangos,
  type PythonProcess,
  startPython,
} from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { blockOf, page } from './django-page.ts';
import { startDjangoSessions } from './django-sessions.ts';
import { describeWithDriver } from './drivers.ts';
import { isBefore } from './limits.ts';
import { sqlitePlace } from './places.ts';
import type { Entries } from './session-change.ts';
import { SECRET_KEY, type SharedPlace } from './sites.ts';

const script = fileURLToPath(new URL('django_page.py', import.meta.url));
const document = '{"cart": ["coat"], "total": 1.0}';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-interop-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

it('the page on Django names every method of a session and every error that there is here', () => {
  const methods = Object.getOwnPropertyNames(core.SessionStore.prototype);
  const errors = Object.entries(core).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof Error ? [name] : [],
  );
  const names = [...methods, ...errors];
  const unspoken = ['constructor', 'toJSON', 'data', 'SessionError'];
  expect(names.filter((name) => !unspoken.includes(name) && !isNamed(name))).toEqual([]);
});

describePage('the page', (django, python) => {
  it('names every setting, method and error of its sessions', async () => {
    const names = await python().call<string[]>('names');
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !isNamed(name))).toEqual([]);
  });

  it('has settings that it knows', async () => {
    const block = blockOf('Users, CSRF, messages', 'python');
    expect(Object.keys(await python().call('settings_in', { block }))).toHaveLength(3);
  });

  it.each(['db', 'file', 'signed_cookies'])(
    'has configuration that shares sessions: %s',
    async (heading) => {
      const place = await placeOn(heading, python(), directory, {
        'postgres://shop:password@localhost/shop': sqlitePlace(directory).coatcheck.db?.url ?? '',
        '/srv/shop/sessions': directory,
      });
      await expectShared(django, place);
    },
  );

  it('says rightly that nobody is logged out when Django moves from cached_db to db', async () => {
    const place = sqlitePlace(directory);
    const engine = 'django.contrib.sessions.backends.cached_db';
    const before = await startDjangoSessions(django, {
      ...place,
      django: { ...place.django, SESSION_ENGINE: engine },
    });
    const keys = await before.call<string[]>('write', { documents: [document] });
    await before.stop();
    await expectShared(django, place, keys);
  });
});

describeWithRedis('with Redis', (redis) => {
  describePage('the page', (django, python) => {
    describeWithDriver('the page, on Redis', django, ['redis'], () => {
      const eachShares = isBefore(django, 4, 0) ? it.skip.each : it.each;
      eachShares(['cached_db', 'cache, as JSON', 'cache, as pickles'])(
        "has configuration that shares sessions, with Django's own Redis cache (4.0): %s",
        async (heading) => {
          const place = await placeOn(heading, python(), directory, {
            'postgres://shop:password@localhost/shop':
              sqlitePlace(directory).coatcheck.db?.url ?? '',
            'redis://localhost:6379/1': redis.url,
          });
          await expectShared(django, withPrefix(place, redis.keyPrefix));
        },
      );
    });
  });
});

/** Tests of the page with each Django, and with a process of it that answers questions. */
function describePage(
  title: string,
  define: (django: Django, python: () => PythonProcess) => void,
): void {
  describeDjangos({ describe, it }, title, (django) => {
    let python: PythonProcess;
    beforeAll(() => {
      python = startPython(django, script);
    });
    afterAll(() => python.stop());
    define(django, () => python);
  });
}

/** Whether the page has the name as code. */
function isNamed(name: string): boolean {
  return new RegExp(`\`[^\`\n]*\\b${name}\\b[^\`\n]*\``).test(page);
}

/** What the section says that both sides are to be told, with places that exist. */
async function placeOn(
  heading: string,
  python: PythonProcess,
  directory: string,
  places: Readonly<Record<string, string>>,
): Promise<SharedPlace> {
  const replaced = (text: string): string =>
    Object.entries(places).reduce((all, [name, value]) => all.replaceAll(name, value), text);
  const block = replaced(blockOf(heading, 'python'));
  const settings = await python.call<Record<string, unknown>>('settings_in', { block });
  const file = path.join(directory, 'sessions.config.mjs');
  writeFileSync(file, replaced(blockOf(heading, 'js')));
  const { settings: coatcheck } = await loadConfig({ file, env: {} });
  const database = coatcheck.engine === 'db' ? sqlitePlace(directory).django : {};
  return { django: { ...database, ...settings }, coatcheck };
}

/** The same in a part of the cache that nobody else uses. */
function withPrefix({ django, coatcheck }: SharedPlace, keyPrefix: string): SharedPlace {
  const { default: cache } = Object(django.CACHES);
  return {
    django: { ...django, CACHES: { default: { ...cache, KEY_PREFIX: keyPrefix } } },
    coatcheck: {
      ...coatcheck,
      ...(coatcheck.cache && { cache: { ...coatcheck.cache, keyPrefix } }),
      ...(coatcheck.djangoCache && { djangoCache: { ...coatcheck.djangoCache, keyPrefix } }),
    },
  };
}

/** What Django wrote, now or before, is read and changed here, and read by Django again. */
async function expectShared(
  django: Django,
  place: SharedPlace,
  keys?: readonly string[],
): Promise<void> {
  const python = await startDjangoSessions(django, place);
  const sessions = await loadSessions<Entries>({
    secretKey: SECRET_KEY,
    operationTimeoutMs: 30_000,
    ...place.coatcheck,
  });
  try {
    const written = keys ?? (await python.call<string[]>('write', { documents: [document] }));
    const session = sessions.open(written[0]);
    await session.load();
    expect(session.get('cart')).toEqual(['coat']);
    session.set('seen', true);
    await session.save();
    const unequal = await python.call('compare', {
      keys: [session.sessionKey],
      documents: [document],
      changes: [{ path: ['seen'], value: 'true' }],
    });
    expect(unequal).toEqual([]);
  } finally {
    await sessions.close();
    await python.stop();
  }
}
