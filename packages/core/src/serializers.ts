import { parseJson, stringifyJson } from './json-text.ts';

/**
 * Turns one entry's value into JSON text and back. Django's serializers take the whole session at once; here each
 * entry is serialised by itself, so that entries nobody reads are never decoded, keep their exact text, and merge one
 * by one. The session around them is always a JSON object, and a Django peer needs a serializer that reads the same.
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
   * @throws {SyntaxError} when the text is not JSON
   */
  loads(text: string): unknown;
}

/** The default: JSON as Django writes and reads it. Django: `django.core.signing.JSONSerializer` */
export const jsonSerializer: Serializer = {
  dumps: (value, name) => stringifyJson(value, name),
  loads: (text) => parseJson(text),
};
