import { type Entries, isHiddenEntry, ROTATED_ENTRY } from './changes.ts';
import { ImproperlyConfigured } from './errors.ts';
import { type Serializer, serializerOf } from './serializers.ts';
import type { SessionAttributes } from './session-backend.ts';
import type { Settings } from './settings.ts';

/** The entries of a session that is about to be written. */
export interface EntryReader {
  /** The value of an entry; `undefined` when there is none. Nobody notices what is changed in it. */
  get(key: string): unknown;
}

/**
 * What the backend keeps beside a session, for an account index or the extra columns of a custom table. Runs at every
 * write, and again when a write meets a newer record. Django: overriding `SessionStore.create_model_instance`
 */
export type AttributesFunction = (entries: EntryReader) => SessionAttributes;

const none: SessionAttributes = Object.freeze({});

/** What an application's function gets to see of the entries. */
export function entryReader(entries: Entries, serializer: Serializer): EntryReader {
  return {
    get(key) {
      const text = isHiddenEntry(key) ? undefined : entries.get(key);
      return text === undefined ? undefined : serializerOf(key, serializer).loads(text);
    },
  };
}

/** @throws what the application's function throws, and {@link ImproperlyConfigured} when it returns something else. */
export function attributesOf(
  entries: Entries,
  { attributes, serializer }: Settings,
): SessionAttributes {
  if (!attributes || entries.has(ROTATED_ENTRY)) return none;
  const found: unknown = attributes(entryReader(entries, serializer));
  if (typeof found !== 'object' || found === null) {
    throw new ImproperlyConfigured('attributes must return an object, such as { account_id: 7 }.');
  }
  for (const [name, value] of Object.entries(found)) {
    if (value !== null && typeof value !== 'string' && !Number.isFinite(value)) {
      throw new ImproperlyConfigured(
        `attributes must return a text, a number or null for ${name}, not a value of type ${typeof value}.`,
      );
    }
  }
  // Every value has been looked at.
  return { ...found } as SessionAttributes;
}
