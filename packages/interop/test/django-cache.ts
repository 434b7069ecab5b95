import type { Django, DjangoDriver } from '@coatcheck/test-support';
import { isBefore } from './limits.ts';

/** How Django keeps values in Redis. */
export interface DjangoCache {
  /** The modules that it needs beside Django; one of them. */
  readonly drivers: readonly [DjangoDriver, ...DjangoDriver[]];
  /** An entry of Django's setting `CACHES`. */
  settings(place: { readonly url: string; readonly keyPrefix: string }): object;
}

/** Django's own Redis cache, or django-redis for a Django that has none. */
export function djangoCache(django: Django, form: 'json' | 'pickle'): DjangoCache {
  const isOld = isBefore(django, 4, 0);
  const BACKEND = isOld
    ? 'django_redis.cache.RedisCache'
    : 'django.core.cache.backends.redis.RedisCache';
  // Pickle is the default of both.
  const json = isOld
    ? { SERIALIZER: 'django_redis.serializers.json.JSONSerializer' }
    : { serializer: 'django.core.signing.JSONSerializer' };
  const OPTIONS = form === 'json' ? json : {};
  return {
    drivers: [isOld ? 'django_redis' : 'redis'],
    settings: ({ url, keyPrefix }) => ({ BACKEND, LOCATION: url, KEY_PREFIX: keyPrefix, OPTIONS }),
  };
}
