import type { Awaitable, SessionBackend } from '@coatcheck/core';

/** A backend that calls the hook when a row was replaced or removed, and answers after it. */
export function withHook(backend: SessionBackend, hook: () => Promise<void>): SessionBackend {
  async function hooked<T>(writing: Awaitable<T>): Promise<T> {
    const written = await writing;
    await hook();
    return written;
  }
  return {
    encoding: backend.encoding,
    answers: backend.answers,
    load: (key) => backend.load(key),
    create: (record) => backend.create(record),
    update: (record, base) => hooked(backend.update(record, base)),
    touch: (record, base) => hooked(backend.touch(record, base)),
    delete: (key, base) => hooked(backend.delete(key, base)),
    clearExpired: (options) => backend.clearExpired(options),
    close: () => backend.close(),
  };
}
