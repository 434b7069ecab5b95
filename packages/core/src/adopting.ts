import { isPlain } from './json-writer.ts';

/**
 * Makes `target` equal to `source` in place, so that whoever holds the one sees what was stored: plain objects at
 * every depth, arrays, and the Map, Set and Date of a serializer that has them. False: they are of different kinds, or
 * of one that cannot be changed so, and `source` has to take the place of `target`.
 */
export function adoptInto(
  target: unknown,
  source: unknown,
  adopted: Map<object, unknown> = new Map(),
): boolean {
  if (!isObject(target) || !isObject(source) || !Object.isExtensible(target)) return false;
  // Values that contain themselves come by here again.
  if (adopted.has(target)) return adopted.get(target) === source;
  const kind = kindOf(source);
  if (kind === undefined || kindOf(target) !== kind) return false;
  adopted.set(target, source);
  // Nothing but `kindOf` tells them apart, which the type checker cannot follow.
  if (kind === 'Array') adoptItems(target as unknown[], source as unknown[]);
  else if (kind === 'Map') adoptMap(target as UnknownMap, source as UnknownMap, adopted);
  else if (kind === 'Set') adoptSet(target as Set<unknown>, source as Set<unknown>);
  else if (kind === 'Date') (target as Date).setTime((source as Date).getTime());
  else adoptMembers(target as UnknownRecord, source as UnknownRecord, adopted);
  return true;
}

type UnknownMap = Map<unknown, unknown>;
type UnknownRecord = Record<string, unknown>;

function adoptItems(target: unknown[], source: unknown[]): void {
  target.splice(0, target.length, ...source);
}

function adoptSet(target: Set<unknown>, source: Set<unknown>): void {
  target.clear();
  for (const value of source) target.add(value);
}

// In both, everything goes first, so that what comes is in the order of what was stored.
function adoptMap(target: UnknownMap, source: UnknownMap, adopted: Map<object, unknown>): void {
  const entries = [...source].map(
    ([key, value]) => [key, kept(target.get(key), value, adopted)] as const,
  );
  target.clear();
  for (const [key, value] of entries) target.set(key, value);
}

function adoptMembers(
  target: UnknownRecord,
  source: UnknownRecord,
  adopted: Map<object, unknown>,
): void {
  const members = Object.entries(source).map(([key, value]) => {
    const own = Object.hasOwn(target, key) ? target[key] : undefined;
    return [key, kept(own, value, adopted)] as const;
  });
  for (const key of Object.keys(target)) delete target[key];
  for (const [key, value] of members) {
    // defineProperty: an assignment to `__proto__` would set the prototype of an ordinary object.
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(target, key, property);
  }
}

/** The one that the application may hold, made equal to the other, or the other. */
function kept(own: unknown, value: unknown, adopted: Map<object, unknown>): unknown {
  return adoptInto(own, value, adopted) ? own : value;
}

/** By name, since a value may be of another realm. */
function kindOf(value: object): 'Array' | 'Map' | 'Set' | 'Date' | 'Object' | undefined {
  if (Array.isArray(value)) return 'Array';
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === 'Map' || kind === 'Set' || kind === 'Date') return kind;
  return kind === 'Object' && isPlain(value) ? 'Object' : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
