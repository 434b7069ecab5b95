/** What an entry of the cache is: the session as JSON text, or why it is none that can be read. */
export type CacheReading =
  | { readonly data: string; readonly refused?: undefined }
  | { readonly data?: undefined; readonly refused: string };

/** In which form sessions stand in the cache, where a Django shares them. Django: `OPTIONS` `serializer` of `CACHES`. */
export interface CacheSerializer {
  /** Never throws for what is stored. */
  loads(text: string): CacheReading;

  /**
   * @param before the text whose types are kept, where it has any that JSON has not
   * @throws {SessionTooLarge} when nobody could read it back.
   */
  dumps(data: string, before?: string): string;
}

/** Django: `django.core.signing.JSONSerializer`; django-redis: `django_redis.serializers.json.JSONSerializer`. */
export const jsonCacheSerializer: CacheSerializer = {
  loads: (text) =>
    text.startsWith('\x80')
      ? { refused: "a pickle, which only cache.serializer: 'pickle' reads" }
      : { data: text },
  dumps: (data) => data,
};
