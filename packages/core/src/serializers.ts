import { isAuthEntry } from './changes.ts';
import { EXPIRY_ENTRY } from './expiry.ts';
import { assertJson, equalJson, parseJson, rewriteJson, stringifyJson } from './json-text.ts';

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

/** A serializer whose texts are the JSON they look like, so that the parts of a value keep their text. */
export interface JsonSerializer extends Serializer {
  /** Writes a value that was read from `before`: what is still the same in it keeps its text. */
  readonly rewrite: (before: string | undefined, value: unknown, name?: string) => string;
  /** Throws as `dumps` would, and writes nothing. */
  readonly assert: (value: unknown, name?: string) => void;
}

const numbers = createJsonSerializer(false);
const bigInts = createJsonSerializer(true);

/** The default: JSON as Django writes and reads it. Django: `django.core.signing.JSONSerializer` */
export const jsonSerializer: Serializer = numbers;

/** The same, with integers beyond 2^53 as BigInts: the default where `bigInts` is set. */
export const bigIntSerializer: Serializer = bigInts;

function createJsonSerializer(bigInts: boolean): JsonSerializer {
  const options = { bigInts };
  return {
    dumps: (value, name) => stringifyJson(value, name, options),
    loads: (text) => parseJson(text, options),
    rewrite: (before, value, name) => rewriteJson(before, value, name, options),
    assert: (value, name) => assertJson(value, name, options),
  };
}

/** The serializer, where it is one of ours; one that is made of ours may read other values from the same texts. */
export function asJson(serializer: Serializer): JsonSerializer | undefined {
  return serializer === numbers ? numbers : serializer === bigInts ? bigInts : undefined;
}

/** The serializer of an entry: Django and core read some, whatever the application has for its own. */
export function serializerOf(key: string, own: Serializer): Serializer {
  if (own === bigInts) return key === EXPIRY_ENTRY ? numbers : own;
  return key.startsWith('_session_') || isAuthEntry(key) ? numbers : own;
}

/** Writes a value that was read from `before`; what did not change since keeps its text. */
export function rewrite(
  serializer: Serializer,
  before: string | undefined,
  value: unknown,
  name: string,
): string {
  const json = asJson(serializer);
  if (json) return json.rewrite(before, value, name);
  const text = serializer.dumps(value, name);
  if (before === undefined || text === before) return text;
  // Another writer, such as Django, may have had other words for the same value.
  return writtenAnew(serializer, before, name) === text ? before : text;
}

/** A text in the serializer's own words; `undefined` where it cannot read it, so that there is nothing to preserve. */
function writtenAnew(serializer: Serializer, text: string, name: string): string | undefined {
  try {
    return serializer.dumps(serializer.loads(text), name);
  } catch {
    return undefined;
  }
}

/**
 * Where two functions give the texts their meaning, whether one of the three texts of a merge is not read as the JSON
 * that it is, so that its members are no members of the value; `undefined` where each always is.
 */
export function atomicity(
  serializer: Serializer,
  before: string | undefined,
  after: string | undefined,
): ((theirs: string | undefined) => boolean) | undefined {
  if (asJson(serializer)) return undefined;
  return (theirs) =>
    [before, after, theirs].some((text) => text !== undefined && !readsAsJson(serializer, text));
}

function readsAsJson(serializer: Serializer, text: string): boolean {
  try {
    return equalJson(numbers.dumps(serializer.loads(text)), text);
  } catch {
    return false;
  }
}
