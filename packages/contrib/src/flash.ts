import { jsonSerializer, type SessionStore, type Settings, settingsOf } from '@coatcheck/core';
import {
  decodeMessage,
  encodeMessage,
  LEVELS,
  type Level,
  type Message,
  readElements,
  type StoredMessage,
} from './message-format.ts';
import { reservedEntries } from './reserved-entries.ts';

export { LEVELS, type Level, type Message, type StoredMessage } from './message-format.ts';
export {
  decodeMessagesCookie,
  encodeMessagesCookie,
  type MessagesCookie,
} from './messages-cookie.ts';

const MESSAGES_ENTRY = '_messages';

/** How a message is added. */
export interface MessageOptions {
  /** Words for the style sheet beside the level's. Django: `extra_tags`. @default none */
  readonly extraTags?: string | null | undefined;
  /** The text is HTML that needs no escaping (Django: `mark_safe`). @default false */
  readonly isSafe?: boolean | undefined;
  /** Messages below are dropped. Django: `MESSAGE_LEVEL`. @default 'info' */
  readonly minimumLevel?: Level | undefined;
}

/**
 * Adds a message to be shown once, on this page or, after a redirect, on the next; also beside messages that other
 * requests add at the same time. An empty text is no message. Django: `messages.add_message`
 *
 * @throws {TypeError} when the level is neither one of {@link LEVELS} nor a whole number, or the text is no text
 * @throws {SessionNotLoaded} as every reading method does
 */
export function add<Data extends object>(
  session: SessionStore<Data>,
  level: Level,
  text: string,
  { extraTags = '', isSafe = false, minimumLevel = 'info' }: MessageOptions = {},
): void {
  if (typeof text !== 'string') throw new TypeError('The text of a message must be text.');
  const number = numberOf(level);
  if (text === '' || number < numberOf(minimumLevel)) return;
  const settings = settingsOf(session);
  const message = { level: number, text, extraTags, isSafe };
  reservedEntries(session).change(MESSAGES_ENTRY, (stored) => appended(stored, message, settings));
}

/** A message of the level `debug`, which only a lower `minimumLevel` lets through. */
export const debug: AddAtLevel = at('debug');
/** A message of the level `info`. */
export const info: AddAtLevel = at('info');
/** A message of the level `success`. */
export const success: AddAtLevel = at('success');
/** A message of the level `warning`. */
export const warning: AddAtLevel = at('warning');
/** A message of the level `error`. */
export const error: AddAtLevel = at('error');

/** As {@link add}, for one level. */
export type AddAtLevel = <Data extends object>(
  session: SessionStore<Data>,
  text: string,
  options?: MessageOptions,
) => void;

/**
 * The messages to be shown now, oldest first; they are gone from the session when it resolves, with everything else
 * that this request changed stored. Of requests at the same time only one gets a message (not with signed cookies,
 * where each has a session of its own). Call it where the page is rendered. Without messages nothing is written.
 * Django: iterating over `get_messages(request)`
 *
 * @throws what `session.save()` does: nothing is to be shown then, and the request should fail
 */
export async function take<Data extends object>(session: SessionStore<Data>): Promise<Message[]> {
  await session.load();
  const entries = reservedEntries(session);
  let taken = messagesIn(entries.get(MESSAGES_ENTRY));
  if (taken.length === 0) return [];
  entries.change(MESSAGES_ENTRY, (stored) => {
    // Runs again where others were faster; what its last run saw is what was taken.
    taken = messagesIn(stored);
    return withoutMessages(stored);
  });
  if (session.sessionKey !== null) await session.save();
  return taken;
}

/** The list with one more at its end; what it had keeps its text. */
function appended(
  stored: unknown,
  message: StoredMessage,
  settings: Pick<Settings, 'django'>,
): string {
  const added = encodeMessage(message, ', ', settings);
  const elements = readElements(stored);
  if (elements.length === 0) return `[${added}]`;
  const text = typeof stored === 'string' ? stored : jsonSerializer.dumps(elements);
  return `${text.slice(0, text.lastIndexOf(']')).trimEnd()}, ${added}]`;
}

function messagesIn(stored: unknown): Message[] {
  return readElements(stored).flatMap((element) => decodeMessage(element) ?? []);
}

/** What a newer Django may have put among the messages is left to it. */
function withoutMessages(stored: unknown): string | undefined {
  const others = readElements(stored).filter((element) => decodeMessage(element) === undefined);
  return others.length === 0 ? undefined : jsonSerializer.dumps(others);
}

function at(level: keyof typeof LEVELS): AddAtLevel {
  return (session, text, options) => add(session, level, text, options);
}

function numberOf(level: Level): number {
  const number = typeof level === 'number' ? level : LEVELS[level];
  if (!Number.isSafeInteger(number)) {
    throw new TypeError(
      `A message's level must be a whole number or one of ${Object.keys(LEVELS).join(', ')}.`,
    );
  }
  return number;
}
