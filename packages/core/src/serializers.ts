import { isAuthEntry } from './changes.ts';
import { equalJson, parseJson, stringifyJson } from './json-text.ts';

/**
 * Turns one entry's value into JSON text and back. Django's serializers take the whole session at once; here each
 * entry is serialised by itself, so that entries nobody changes keep their exact text, and merge one by one; member by
 * member where their texts are read as the JSON they are, else as a whole. The session around them is always a JSON
 * object, and a Django peer needs a serializer that reads the same.
 *
 * Django: `SESSION_SERIALIZER`
 */
export interface Serializer {
  /**
   * Writes a value as JSON text.
   *
   * @param name the entry's key, for messages
   * @throws {TypeError} when the value cannot be stored
   */
  dumps(value: unknown, name?: string): string;
  /**
   * Reads what {@link Serializer.dumps} or Django wrote. It must not change the value that another call returned.
   *
   * @throws {SyntaxError} when the text is nothing that it writes: the whole session is then corrupt, which is to say
   *   empty, as in Django.
   */
  loads(text: string): unknown;
}

/** The default: JSON as Django writes and reads it. Django: `django.core.signing.JSONSerializer` */
export const jsonSerializer: Serializer = {
  dumps: (value, name) => stringifyJson(value, name),
  loads: (text) => parseJson(text),
};

/** The serializer of an entry: Django and core read some, whatever the application has for its own. */
export function serializerOf(key: string, own: Serializer): Serializer {
  return key.startsWith('_session_') || isAuthEntry(key) ? jsonSerializer : own;
}

/** Whether the serializer takes the text for what it is as JSON, so that its members are members of the value. */
export function readsAsJson(serializer: Serializer, text: string): boolean {
  try {
    return equalJson(jsonSerializer.dumps(serializer.loads(text)), text);
  } catch {
    return false;
  }
}
