import { joinObject, splitObject } from './json-text.ts';

/** What `change(key, fn)` was given; runs again on each newer value that a commit meets. */
export type ChangeFunction = (value: unknown) => unknown;

/**
 * One thing a request did to an entry: its JSON text before and after (`undefined`: absent), in the request's order.
 * `run` is what `change` was given, on texts: it runs again where the record no longer says `before`.
 */
export interface Step {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly run?: (text: string | undefined) => string | undefined;
}

/** What a request changed, as texts: it no longer follows the request's live objects. */
export interface ChangeSet {
  /** Everything that was there before goes first. */
  readonly cleared: boolean;
  /** The steps of each entry, in the request's order. */
  readonly steps: ReadonlyMap<string, readonly Step[]>;
  /** Every `_auth_user_*` entry after the request, when it changed one of them: they are one unit. */
  readonly auth: ReadonlyMap<string, string> | undefined;
}

/** The entries of a session: JSON text by key, in the order of the record. */
export type Entries = ReadonlyMap<string, string>;

/** Entries that core keeps for itself: hidden from the dictionary, kept by `clear`. */
export const CREATED_ENTRY = '_session_created';
/** Marks the record of a key that was cycled a moment ago. */
export const ROTATED_ENTRY = '_session_rotated';

const AUTH_PREFIX = '_auth_user_';

/** Whether the entry belongs to the login, which merges as one unit (Django: `_auth_user_id`, `_backend`, `_hash`). */
export function isAuthEntry(key: string): boolean {
  return key.startsWith(AUTH_PREFIX);
}

/** Whether the application never sees the entry. */
export function isHiddenEntry(key: string): boolean {
  return key === CREATED_ENTRY || key === ROTATED_ENTRY;
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
  const reruns = new Map<string, string>();
  for (const [key, steps] of changes.steps) {
    let text = merged.get(key);
    for (const { before, after, run } of steps) {
      if (text === before) text = after;
      else text = run ? run(text) : mergeText(before, after, text);
    }
    if (text === undefined) merged.delete(key);
    else merged.set(key, text);
    if (text !== undefined && steps.some(({ run }) => run)) reruns.set(key, text);
  }
  if (changes.auth) {
    for (const key of merged.keys()) if (isAuthEntry(key)) merged.delete(key);
    for (const [key, text] of changes.auth) merged.set(key, reruns.get(key) ?? text);
  }
  return merged;
}

/**
 * Three-way merge of one value: `before` became `after` here while it became `theirs` elsewhere. Recursive through
 * plain objects; arrays and scalars are atomic, and the later commit, which is ours, wins. Objects that both sides
 * made where there was nothing merge as well, so that neither side's entries are lost.
 */
export function mergeText(
  before: string | undefined,
  after: string | undefined,
  theirs: string | undefined,
): string | undefined {
  if (after === before) return theirs;
  if (theirs === before || theirs === undefined || after === undefined) return after;
  const ours = splitObject(after);
  const others = splitObject(theirs);
  const common = before === undefined ? new Map<string, string>() : splitObject(before);
  if (!ours || !others || !common) return after;

  const merged = new Map(others);
  for (const key of new Set([...common.keys(), ...ours.keys()])) {
    const text = mergeText(common.get(key), ours.get(key), others.get(key));
    if (text === undefined) merged.delete(key);
    else merged.set(key, text);
  }
  return joinObject(merged);
}
