import { SessionTooLarge } from '@coatcheck/core';
import { LRUCache } from 'lru-cache';
import type { CacheReading, CacheSerializer } from '../cache-serializer.ts';
import { readJson } from './json-reader.ts';
import { keepTypes } from './kept-types.ts';
import { readPickle } from './pickle-reader.ts';
import { PickleRefusal } from './pickle-refusal.ts';
import { assertBytes, jsonOf, PickleDict } from './pickle-value.ts';
import { writePickle } from './pickle-writer.ts';

interface ReadSession {
  readonly json: string;
  /** The session with its types, where JSON would turn any of them into something else. */
  readonly typed: PickleDict | undefined;
}

/** Bytes of what is remembered, or thereabouts; a session with types takes more, since it is kept in parts. */
const MOST_REMEMBERED = 4 * 1024 * 1024;
const TYPED_FACTOR = 10;

/**
 * Pickles of plain values, as Django's caches and django-redis write them by default. JSON is read as well, so that
 * sessions from before the setting was changed live on. What was read lately is remembered by its bytes.
 */
export class PickleSerializer implements CacheSerializer {
  readonly #recent = new LRUCache<string, ReadSession>({
    maxSize: MOST_REMEMBERED,
    sizeCalculation: ({ json, typed }, text) =>
      text.length + json.length * (typed ? TYPED_FACTOR : 1) + 1,
  });

  loads(text: string): CacheReading {
    if (isJson(text)) return { data: text };
    try {
      return { data: this.#read(text).json };
    } catch (error) {
      return { refused: refusalOf(error).message };
    }
  }

  dumps(data: string, before?: string): string {
    const old = before === undefined ? undefined : this.#tryToRead(before);
    if (before !== undefined && old?.json === data) return before;
    try {
      assertBytes(data.length);
      const value = readJson(data);
      const pickle = writePickle(old?.typed ? keepTypes(value, old.typed) : value);
      assertBytes(pickle.length);
      return pickle;
    } catch (error) {
      throw new SessionTooLarge(
        `The session makes ${refusalOf(error).message}, which would not be read again; keep less in it.`,
      );
    }
  }

  #read(text: string): ReadSession {
    const known = this.#recent.get(text);
    if (known) return known;
    const session = readSession(text);
    this.#recent.set(text, session);
    return session;
  }

  #tryToRead(text: string): ReadSession | undefined {
    if (isJson(text)) return undefined;
    try {
      return this.#read(text);
    } catch (error) {
      refusalOf(error);
      return undefined;
    }
  }
}

/** @throws {PickleRefusal} */
function readSession(text: string): ReadSession {
  if (/^-?\d+$/.test(text)) throw new PickleRefusal('a number');
  // The zlib compressor of django-redis.
  if (/^x[\x9c\xda^]/.test(text)) throw new PickleRefusal('compressed data');
  const { value, hasTypes } = readPickle(text);
  if (value instanceof PickleDict)
    return { json: jsonOf(value), typed: hasTypes ? value : undefined };
  throw new PickleRefusal('a pickle of something other than a dict');
}

/** No pickle begins with the brace. */
function isJson(text: string): boolean {
  return text.startsWith('{');
}

/** @throws the error, when it is another. */
function refusalOf(error: unknown): PickleRefusal {
  if (error instanceof PickleRefusal) return error;
  throw error;
}
