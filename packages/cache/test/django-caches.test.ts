import { fileURLToPath } from 'node:url';
import { redisBackend } from '@coatcheck/cache';
import { createSessions, type Sessions } from '@coatcheck/core';
import {
  createRandom,
  type Django,
  describeDjangos,
  djangos,
  type PythonProcess,
  startPython,
} from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomJson } from '../../core/test/random-json.ts';
import { describeWithRedis, type RedisPlace } from './redis.ts';
import { SECRET_KEY } from './sessions.ts';

const script = fileURLToPath(new URL('django_cache.py', import.meta.url));

type Form = readonly [serializer: 'json' | 'pickle', title: string, options: object];

const djangoRedis: readonly Form[] = [
  ['pickle', 'by default', {}],
  ...[0, 1, 2, 3, 4, 5, -1].map(
    (version) => ['pickle', `with PICKLE_VERSION ${version}`, { PICKLE_VERSION: version }] as const,
  ),
  [
    'json',
    'with its JSON serializer',
    { SERIALIZER: 'django_redis.serializers.json.JSONSerializer' },
  ],
];
const djangosOwn: readonly Form[] = [
  ['pickle', 'by default', {}],
  ['json', 'with Django’s JSON serializer', { serializer: 'django.core.signing.JSONSerializer' }],
];

/** Documents of JSON that Python reads, with odd keys and numbers. */
function documents(seed: number, count: number): string[] {
  const random = createRandom(seed);
  return Array.from(
    { length: count },
    () => `{"a":${randomJson(random)},"2":${randomJson(random)}}`,
  );
}

describeWithRedis('sessions in Redis', (place) => {
  const runner = { describe, it };
  describeDjangos(
    runner,
    'of django-redis',
    (django) => {
      describe.each(djangoRedis)('%s %s', (serializer, _, options) => {
        shareSessions(place, django, 'django_redis.cache.RedisCache', serializer, options);
      });
    },
    djangos().filter(({ has }) => has.has('django_redis')),
  );

  // Debian's Django is older than its own cache in Redis.
  const own = djangos().filter(
    ({ has, version }) => has.has('redis') && Number.parseInt(version, 10) >= 4,
  );
  if (own.length > 0) {
    describeDjangos(
      runner,
      'of Django’s own cache',
      (django) => {
        describe.each(djangosOwn)('%s %s', (serializer, _, options) => {
          const backend = 'django.core.cache.backends.redis.RedisCache';
          shareSessions(place, django, backend, serializer, options);
        });
      },
      own,
    );
  } else {
    it.skip('of Django’s own cache (DJANGO_PATH names no Django from 4.0 on that has redis)', () => {});
  }
});

let places = 0;

function shareSessions(
  place: RedisPlace,
  django: Django,
  backend: string,
  serializer: 'json' | 'pickle',
  options: object,
): void {
  let python: PythonProcess;
  let sessions: Sessions<Record<string, unknown>>;
  beforeAll(() => {
    places += 1;
    const keyPrefix = `${place.keyPrefix}${places}`;
    const args = [backend, place.url, keyPrefix, JSON.stringify(options)];
    python = startPython(django, script, { args });
    sessions = createSessions({
      backend: redisBackend({ url: place.url, keyPrefix, serializer }),
      secretKey: SECRET_KEY,
    });
  });
  afterAll(async () => {
    await sessions.close();
    await python.stop();
  });

  async function open(key: string) {
    const session = sessions.open(key);
    await session.load();
    return session;
  }

  it('with everything of ours', async () => {
    const session = sessions.open();
    await session.update({ a: [1, { b: null }], text: 'é😀', on: true }).setDefault('n', 1.5);
    await session.save();
    const key = String(session.sessionKey);
    expect(await python.call('load', { keys: [key] })).toEqual([
      "{'a': [1, {'b': None}], 'text': 'é😀', 'on': True, 'n': 1.5}",
    ]);
    await python.call('set_entry', { key, name: 'theirs', value: { '1': [] } });
    expect((await open(key)).get('theirs')).toEqual({ 1: [] });
    expect((await open(key)).get('text')).toBe('é😀');
  });

  it('which either side ends', async () => {
    const [one = '', other = ''] = await python.call<string[]>('save_json', {
      texts: ['{"a":1}', '{"a":2}'],
    });
    await (await open(one)).flush();
    expect(await python.call('exists', { key: one })).toBe(false);
    await python.call('flush', { key: other });
    expect((await open(other)).size).toBe(0);
  });

  it('of 300 random documents, one entry of which is changed here', async () => {
    const texts = documents(3, 300);
    const keys = await python.call<string[]>('save_json', { texts });
    for (const key of keys) await (await open(key)).set('changed here', [true]).save();
    const changed = texts.map((text) => `${text.slice(0, -1)},"changed here":[true]}`);
    const expected = await python.call('entries', { texts: changed });
    expect(await python.call('load', { keys })).toEqual(expected);
  });

  if (serializer === 'json') return;

  it('with Python’s types in what is not changed, also under a new key', async () => {
    const entries = "{'cart': {7: ('mug', 1.0), 10**20: ()}, 'seen': [(1, 2), (3,)]}";
    const key = await python.call<string>('save', { entries });
    const session = await open(key);
    expect(session.get('cart')).toEqual({ 7: ['mug', 1], '100000000000000000000': [] });
    session.change('seen', (seen) => [...(seen as unknown[]), [4]]);
    await session.cycleKey();
    expect(await python.call('load', { keys: [session.sessionKey] })).toEqual([
      "{'cart': {7: ('mug', 1.0), 100000000000000000000: ()}, 'seen': [(1, 2), (3,), [4]]}",
    ]);
  });

  it('unless they need code', async () => {
    const entries = "{'when': __import__('datetime').datetime(2030, 1, 2), 'a': 1}";
    const key = await python.call<string>('save', { entries });
    const told: unknown[] = [];
    sessions.events.once('rejected', ({ detail }) => told.push(detail));
    expect((await open(key)).size).toBe(0);
    expect(told).toEqual(['a pickle that needs datetime.datetime']);
    expect(await python.call('load', { keys: [key] })).toEqual([
      "{'when': datetime.datetime(2030, 1, 2, 0, 0), 'a': 1}",
    ]);
  });
}
