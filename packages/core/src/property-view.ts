/** What a property view is a view of. */
interface Dictionary {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
  has(key: string): boolean;
  delete(key: string): boolean;
  keys(): string[];
}

/** The same entries as properties of an object without prototype. */
export function propertyView(session: Dictionary): object {
  const isKey = (key: string | symbol): key is string => typeof key === 'string';
  return new Proxy(Object.create(null), {
    get: (_, key) => (isKey(key) ? session.get(key) : undefined),
    has: (_, key) => isKey(key) && session.has(key),
    set: (_, key, value) => isKey(key) && session.set(key, value) === session,
    deleteProperty: (_, key) => {
      if (isKey(key)) session.delete(key);
      return true;
    },
    ownKeys: () => session.keys(),
    getOwnPropertyDescriptor: (_, key) =>
      isKey(key) && session.has(key)
        ? { value: session.get(key), writable: true, enumerable: true, configurable: true }
        : undefined,
    defineProperty: (_, key, { value }) => isKey(key) && session.set(key, value) === session,
  });
}
