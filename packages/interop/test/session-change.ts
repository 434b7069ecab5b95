import type { SessionStore } from '@coatcheck/core';
import { RandomDocuments } from './random-documents.ts';

/** The entries of a session, whatever they are. */
export type Entries = Record<string, unknown>;

/** A change to one entry, or to a part of it: the steps that lead there, and its new JSON text; none removes it. */
export interface Change {
  readonly path: readonly [string, ...(string | number)[]];
  readonly value?: string;
}

/** Changes one entry of a loaded session: sets, replaces or removes it, or a part of it. */
export function changeSession(session: SessionStore<Entries>, random: () => number): Change {
  const below = (bound: number): number => Math.floor(random() * bound);
  const value: unknown = JSON.parse(newValue(random));
  const keys = session.keys();
  const key = below(3) > 0 ? keys[below(keys.length)] : undefined;
  // What is only read has to survive as well.
  if (below(2)) session.values();
  if (key === undefined) {
    session.set('changed here', value);
    return { path: ['changed here'], value: JSON.stringify(value) };
  }
  const entry = session.get(key);
  if (isObject(entry) && below(4) > 0) return changePart([key], entry, value, below);
  if (below(4) === 0) {
    session.delete(key);
    return { path: [key] };
  }
  session.set(key, value);
  return { path: [key], value: JSON.stringify(value) };
}

/** Which change Django is to make to a document. */
export function randomChange(document: string, random: () => number): Change {
  const below = (bound: number): number => Math.floor(random() * bound);
  const value = newValue(random);
  const keys = Object.keys(JSON.parse(document));
  const key = keys[below(keys.length * 2)];
  if (key === undefined) return { path: ['changed there'], value };
  return below(4) === 0 ? { path: [key] } : { path: [key], value };
}

/**
 * A value that equals no other, since 1 in the place of 1.0 would be no change; without numbers beyond 2^53, which are
 * integers or floats according to the setting `bigInts`.
 */
function newValue(random: () => number): string {
  const text = new RandomDocuments(random, 'JavaScript').value(3);
  const isLarge = (value: unknown) => Number.isInteger(value) && !Number.isSafeInteger(value);
  const value: unknown = JSON.parse(text, (_, part) => (isLarge(part) ? 0.5 : part));
  return JSON.stringify({ changed: value });
}

function changePart(
  path: [string, ...(string | number)[]],
  part: Entries,
  value: unknown,
  below: (bound: number) => number,
): Change {
  const keys = Object.keys(part);
  const key = keys[below(keys.length)] ?? 'changed here';
  const step = Array.isArray(part) ? Number(key) : key;
  if (Array.isArray(part) && keys.length === 0) {
    part.push(value);
    // The whole array, since Python has no index to put it at.
    return { path, value: JSON.stringify(part) };
  }
  const inner = part[key];
  if (isObject(inner) && below(3) > 0) return changePart([...path, step], inner, value, below);
  if (!Array.isArray(part) && below(4) === 0 && keys.length > 0) {
    delete part[key];
    return { path: [...path, step] };
  }
  part[key] = value;
  return { path: [...path, step], value: JSON.stringify(value) };
}

function isObject(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null;
}
