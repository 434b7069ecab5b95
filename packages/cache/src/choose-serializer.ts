import { ImproperlyConfigured } from '@coatcheck/core';
import { type CacheSerializer, jsonCacheSerializer } from './cache-serializer.ts';
import { PickleSerializer } from './pickle/pickle-serializer.ts';

/** In which form sessions stand in a Redis. */
export type CacheSerializerName = 'json' | 'pickle';

/** @throws {ImproperlyConfigured} when there is no such form. */
export function chooseSerializer(name: CacheSerializerName = 'json'): CacheSerializer {
  switch (name) {
    case 'json':
      return jsonCacheSerializer;
    case 'pickle':
      return new PickleSerializer();
    default:
      throw new ImproperlyConfigured(
        "cache.serializer must be 'json', or 'pickle' where a Django stores pickles in the same Redis.",
      );
  }
}
