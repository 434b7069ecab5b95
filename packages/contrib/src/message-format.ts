import { jsonSerializer, type Settings } from '@coatcheck/core';

/** The levels of Django's messages, by name; an application may have others, as numbers. */
export const LEVELS = { debug: 10, info: 20, success: 25, warning: 30, error: 40 } as const;

/** A level by its name or number. */
export type Level = keyof typeof LEVELS | number;

/** What is stored of a message. */
export interface StoredMessage {
  readonly level: number;
  readonly text: string;
  /** Words for the style sheet beside the level's. Django: `extra_tags` */
  readonly extraTags?: string | null | undefined;
  /** The text is HTML that needs no escaping. Django: a `SafeString` */
  readonly isSafe?: boolean | undefined;
}

/** A message to be shown. */
export interface Message extends StoredMessage {
  readonly extraTags: string;
  readonly isSafe: boolean;
  /** The level's name, such as `success`; empty for a level of the application's own. Django: `level_tag` */
  readonly levelTag: string;
  /** Extra tags and the level's, as one text for a class attribute. Django: `tags` */
  readonly tags: string;
}

const MARK = '__json_message';

/**
 * The JSON text of one message. Django: `MessageEncoder`
 *
 * @param separator as Python has it: `, ` in the session, `,` in the cookie
 */
export function encodeMessage(
  { level, text, extraTags, isSafe }: StoredMessage,
  separator: ', ' | ',',
  { django }: Pick<Settings, 'django'>,
): string {
  const items = [MARK, isSafe ? 1 : 0, level, text].map((item) => jsonSerializer.dumps(item));
  // Django 3.2 leaves out empty tags as well.
  const hasTags = typeof extraTags === 'string' && (extraTags !== '' || django !== '3.2');
  if (hasTags) items.push(jsonSerializer.dumps(extraTags));
  return `[${items.join(separator)}]`;
}

/** A message from an element of the list; `undefined` for what is none. Django: `MessageDecoder` */
export function decodeMessage(element: unknown): Message | undefined {
  if (!Array.isArray(element) || element[0] !== MARK) return undefined;
  const [, safe, level, text, tags] = element as unknown[];
  if (typeof level !== 'number' || typeof text !== 'string') return undefined;
  const extraTags = typeof tags === 'string' ? tags : '';
  const levelTag = Object.entries(LEVELS).find(([, number]) => number === level)?.[0] ?? '';
  return {
    level,
    text,
    extraTags,
    isSafe: Boolean(safe),
    levelTag,
    tags: [extraTags, levelTag].filter((tag) => tag !== '').join(' '),
  };
}

/** The elements of a stored list; none of what is no list. */
export function readElements(stored: unknown): readonly unknown[] {
  if (typeof stored !== 'string') return Array.isArray(stored) ? stored : [];
  try {
    const elements = jsonSerializer.loads(stored);
    return Array.isArray(elements) ? elements : [];
  } catch {
    return [];
  }
}
