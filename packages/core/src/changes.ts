import type { ClientFacts } from './account-index.ts';
import { joinObject, splitArray, splitObject } from './json-text.ts';

/** What `change(key, fn)` was given; runs again on each newer value that a commit meets. */
export type ChangeFunction = (value: unknown) => unknown;

/**
 * One thing a request did to an entry: its JSON text before and after (`undefined`: absent), in the request's order.
 * `run` is what `change` was given, on texts; {@link changeStep} makes such a step.
 */
export interface Step {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly run?: ((text: string | undefined) => string | undefined) | undefined;
  /** The value had been overtaken by others when it was changed: what it was is not what the request last saved. */
  readonly held?: boolean | undefined;
  /** Whether another serializer than the JSON one gives the texts a meaning of its own, which a merge would break. */
  readonly isAtomic?: ((theirs: string | undefined) => boolean) | undefined;
}

/** A step of `change`: on the text that its last run was given it need not run again, on any other it does. */
export function changeStep(
  before: string | undefined,
  after: string | undefined,
  run: (text: string | undefined) => string | undefined,
): Step {
  let last = { before, after };
  return {
    before,
    after,
    run: (text) => {
      // Not the first run's text: where another came in between, that run is not the last any more.
      if (text !== last.before) last = { before: text, after: run(text) };
      return last.after;
    },
  };
}

/** What a request changed, as texts: it no longer follows the request's live objects. */
export interface ChangeSet {
  /** Everything that was there before goes first. */
  readonly cleared: boolean;
  /** The steps of each entry, in the request's order; of one that others overtook meanwhile, in two parts. */
  readonly steps: Iterable<readonly [key: string, steps: readonly Step[]]>;
  /** Every `_auth_user_*` entry after the request, when it changed one of them: they are one unit. */
  readonly auth: ReadonlyMap<string, string> | undefined;
  /** What is known of the visitor who made the changes. */
  readonly client?: ClientFacts | undefined;
}

/** The entries of a session: JSON text by key, in the order of the record. */
export type Entries = ReadonlyMap<string, string>;

/** A session without anything in it. */
export const NO_ENTRIES: Entries = new Map();

/** Entries that core keeps for itself: hidden from the dictionary, kept by `clear`. */
export const CREATED_ENTRY = '_session_created';
/** Marks the record of a key that was cycled a moment ago. */
export const ROTATED_ENTRY = '_session_rotated';
/** Marks the record of a session that is arriving from another place: nothing before its move is known to be done. */
export const MOVING_ENTRY = '_session_moving';

const AUTH_PREFIX = '_auth_user_';

/** Whether the entry belongs to the login, which merges as one unit (Django: `_auth_user_id`, `_backend`, `_hash`). */
export function isAuthEntry(key: string): boolean {
  return key.startsWith(AUTH_PREFIX);
}

/** Whether the application never sees the entry. */
export function isHiddenEntry(key: string): boolean {
  return key === CREATED_ENTRY || key === ROTATED_ENTRY || key === MOVING_ENTRY;
}

/** @throws {TypeError} when the application cannot have an entry of this name. */
export function assertKey(key: string): void {
  if (typeof key !== 'string') throw new TypeError('The key of a session entry must be text.');
  if (isHiddenEntry(key)) throw new TypeError(`The entry ${key} is reserved; choose another key.`);
}

/**
 * Replays what a request changed on the entries of a newer record. Returns new entries; `theirs` stays as it is.
 *
 * @throws what a function given to `change` throws, and what its result is refused for.
 */
export function applyChanges(changes: ChangeSet, theirs: Entries): Map<string, string> {
  const merged = new Map(theirs);
  if (changes.cleared) {
    for (const key of theirs.keys()) if (!isHiddenEntry(key)) merged.delete(key);
  }
  let reruns: Map<string, string> | undefined;
  for (const [key, steps] of changes.steps) {
    let text = merged.get(key);
    let isRun = reruns?.has(key) ?? false;
    for (const { before, after, run, held, isAtomic } of steps) {
      if (run) {
        text = run(text);
        isRun = true;
      } else if (text === before) text = after;
      else if (before !== after && isAtomic?.(text)) text = after;
      else text = mergeText(before, after, text, held);
    }
    if (text === undefined) merged.delete(key);
    else merged.set(key, text);
    if (text !== undefined && isRun) {
      reruns ??= new Map();
      reruns.set(key, text);
    }
  }
  if (changes.auth) {
    for (const key of merged.keys()) if (isAuthEntry(key)) merged.delete(key);
    for (const [key, text] of changes.auth) merged.set(key, reruns?.get(key) ?? text);
  }
  return merged;
}

/**
 * Three-way merge of one value: `before` became `after` here while it became `theirs` elsewhere. Recursive through
 * plain objects; arrays and scalars are atomic, and the later commit, which is ours, wins. Objects that both sides
 * made where there was nothing merge as well, so that neither side's entries are lost.
 *
 * @param held whether elements that were changed in place are changed in their array too, wherever it has them.
 */
export function mergeText(
  before: string | undefined,
  after: string | undefined,
  theirs: string | undefined,
  held = false,
): string | undefined {
  if (after === before) return theirs;
  if (theirs === before || theirs === undefined || after === undefined) return after;
  const ours = splitObject(after);
  const others = splitObject(theirs);
  const common = before === undefined ? new Map<string, string>() : splitObject(before);
  if (!ours || !others || !common) {
    return (held && before !== undefined && mergeItems(before, after, theirs)) || after;
  }

  const merged = new Map(others);
  for (const key of new Set([...common.keys(), ...ours.keys()])) {
    const text = mergeText(common.get(key), ours.get(key), others.get(key), held);
    if (text === undefined) merged.delete(key);
    else merged.set(key, text);
  }
  return joinObject(merged);
}

/** Their array with the elements that changed in place here; `undefined` where it cannot be told which they are. */
function mergeItems(before: string, after: string, theirs: string): string | undefined {
  const [common, ours, others] = [splitArray(before), splitArray(after), splitArray(theirs)];
  if (!common || !ours || !others || common.length !== ours.length) return undefined;
  const merged = [...others];
  for (const [i, was] of common.entries()) {
    if (ours[i] === was) continue;
    const found = others[i] === was ? i : others.indexOf(was);
    const at = found === -1 && others.length === common.length ? i : found;
    if (at === -1) return undefined;
    merged[at] = mergeText(was, ours[i], others[at], true) as string; // neither of the three is absent
  }
  return `[${merged.join(',')}]`;
}

/** Characters of an entry's name in a message. */
const LONGEST_NAME = 40;

/** The names of the three largest entries with their sizes; names are the application's own, never data. */
export function largestOf(entries: Entries): string {
  return [...entries]
    .map(([key, text]) => ({ key, bytes: key.length + text.length }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 3)
    .map(({ key, bytes }) => `${key.slice(0, LONGEST_NAME)} (${bytes} bytes)`)
    .join(', ');
}
