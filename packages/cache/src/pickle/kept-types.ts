import { jsonOf, PickleDict, PickleList, type PickleValue } from './pickle-value.ts';

/**
 * The value with the types that Python had where it stands: what reads as the same JSON is what it was; elsewhere an
 * array in the place of a tuple is one, and a member whose key was no text keeps that key. Elements that moved in
 * their array are found again by their JSON.
 */
export function keepTypes(value: PickleValue, before: PickleValue): PickleValue {
  if (typeof value === 'string' || typeof before === 'string') return value;
  if (jsonOf(value) === jsonOf(before)) return before;
  if (value instanceof PickleDict && before instanceof PickleDict) {
    return keepMembers(value, before);
  }
  if (value instanceof PickleList && before instanceof PickleList) {
    return keepItems(value, before);
  }
  return value;
}

function keepMembers(value: PickleDict, before: PickleDict): PickleDict {
  const kept = new PickleDict();
  for (const [name, member] of value.members) {
    const was = before.members.get(name);
    kept.set(before.keyOf(name), was === undefined ? member : keepTypes(member, was));
  }
  return kept;
}

function keepItems(value: PickleList, before: PickleList): PickleList {
  const moved = new Map(before.items.map((item) => [jsonOf(item), item]));
  const items = value.items.map((item, i) => {
    if (typeof item === 'string') return item;
    const was = before.items[i];
    const text = jsonOf(item);
    if (was !== undefined && jsonOf(was) === text) return was;
    const found = moved.get(text) ?? was;
    return found === undefined ? item : keepTypes(item, found);
  });
  return new PickleList(items, before.isTuple);
}
