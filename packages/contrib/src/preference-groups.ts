/** Preferences by name; a group holds others. */
export type Plain = Record<string, unknown>;

/** Whether JSON has such a value. */
export function isJson(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isJson);
  if (isGroup(value)) return Object.values(value).every(isJson);
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || ['string', 'boolean'].includes(typeof value);
}

/** What differs from the defaults; undefined: nothing. Names that are no preferences any more are dropped. */
export function differences(defaults: Plain, stored: Plain): Plain | undefined {
  const different: [string, unknown][] = [];
  for (const [name, value] of Object.entries(stored)) {
    if (!Object.hasOwn(defaults, name)) continue;
    const otherwise = defaults[name];
    if (isGroup(otherwise) && isGroup(value)) {
      const inner = differences(otherwise, value);
      if (inner) different.push([name, inner]);
    } else if (!isSame(value, otherwise)) {
      different.push([name, value]);
    }
  }
  return different.length > 0 ? Object.fromEntries(different) : undefined;
}

/** The one group with what the other says over it, at every depth. */
export function mergedGroups(before: Plain, after: Plain): Plain {
  const merged: Plain = { ...before };
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    merged[name] = isGroup(old) && isGroup(value) ? mergedGroups(old, value) : value;
  }
  return merged;
}

/** What a group holds under a path; undefined: nothing. */
export function valueAt(group: Plain, names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (value, name) => (isGroup(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    group,
  );
}

/** Puts a value under a path of a group; undefined removes it. */
export function putAt(group: Plain, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    if (value === undefined) delete group[name];
    else group[name] = value;
    return;
  }
  const inner: Plain = isGroup(group[name]) ? group[name] : {};
  putAt(inner, rest, value);
  group[name] = inner;
}

/** Whether the value holds others by name. */
export function isGroup(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether both are the same value of JSON. */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What kind of value it is, for messages. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a text';
    case 'number':
      return Number.isFinite(value) ? 'a number' : 'nothing';
    case 'boolean':
      return 'true or false';
    default:
      return value === null ? 'null' : 'an object';
  }
}
