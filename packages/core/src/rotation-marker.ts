import { type Entries, MOVING_ENTRY, ROTATED_ENTRY } from './changes.ts';
import { randomText } from './random-text.ts';

/** Milliseconds for which a cycled key is remembered, so that late requests neither revive nor replace it. */
const REMEMBERED_MS = 60_000;
const FORM = /^"(?<rotation>[0-9a-f]{16})@(?<end>\d{1,15})(?:@(?<movedAt>\d{1,15}))?"$/;

/** Names one rotation among all that try to retire the same key. */
export function newRotation(): string {
  return randomText(16, '0123456789abcdef');
}

/**
 * What is left under a key that was cycled. It says itself when it ends, in an entry of its own: a Django that shares
 * the sessions takes it for one, and a login there would keep an expiry of 60 seconds.
 */
export function rotationMarker(rotation: string, now: Date): Entries {
  return new Map([[ROTATED_ENTRY, `"${rotation}@${now.getTime() + REMEMBERED_MS}"`]]);
}

/** What is left in a place that a session was moved out of, until it would have ended there. */
export function movedMarker(move: string, end: Date, now: Date): Entries {
  return new Map([[ROTATED_ENTRY, `"${move}@${end.getTime()}@${now.getTime()}"`]]);
}

/** The entries of a session that is arriving by the move. */
export function arrivingBy(move: string, entries: Entries): Entries {
  return new Map(entries).set(MOVING_ENTRY, `"${move}"`);
}

/** Takes the entry of `arrivingBy` out of entries that were read, and returns its move; whatever it is, it is no session's. */
export function takeMove(entries: Map<string, string>): string | undefined {
  const text = entries.get(MOVING_ENTRY);
  entries.delete(MOVING_ENTRY);
  return text?.slice(1, -1);
}

/** The move that left this marker, and when; `undefined` where none did. */
export function moveOf(entries: Entries): { move: string; movedAt: Date } | undefined {
  const { rotation, movedAt } = FORM.exec(entries.get(ROTATED_ENTRY) ?? '')?.groups ?? {};
  if (rotation === undefined || movedAt === undefined) return undefined;
  return { move: rotation, movedAt: new Date(Number(movedAt)) };
}

/** When the marker ends; `undefined` where the entries are those of a session. */
export function endOfMarker(entries: Entries): Date | undefined {
  const text = entries.get(ROTATED_ENTRY);
  return text === undefined ? undefined : new Date(Number(FORM.exec(text)?.groups?.end ?? 0));
}

/** Whether it is the marker that this rotation has made, and not that of another one. */
export function isMarkerOf(rotation: string, entries: Entries): boolean {
  return FORM.exec(entries.get(ROTATED_ENTRY) ?? '')?.groups?.rotation === rotation;
}

/** Whether nothing else is there: where a Django has logged somebody in, or written, it has made a session of it. */
export function isMarker(entries: Entries): boolean {
  return entries.size === 1 && entries.has(ROTATED_ENTRY);
}

/** Whether there is an entry of those that say what becomes of a session. */
export function isMarked(entries: Entries): boolean {
  return entries.has(ROTATED_ENTRY) || entries.has(MOVING_ENTRY);
}
