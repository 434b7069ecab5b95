import type { SessionBackend } from '@coatcheck/core';

/** A backend that answers later, over one that answers at once; the test decides when, and whether. */
export interface DelayedBackend extends SessionBackend {
  /** How often each method was called. */
  readonly calls: Record<'load' | 'create' | 'update' | 'touch' | 'delete', number>;
  /** What each call waits for. */
  until: Promise<unknown>;
  /** What each call that is named here fails with. */
  failures: Partial<Record<keyof DelayedBackend['calls'], Error>>;
}

export function delayedBackend(backend: SessionBackend): DelayedBackend {
  const calls = { load: 0, create: 0, update: 0, touch: 0, delete: 0 };
  async function when<T>(name: keyof typeof calls, call: () => T | Promise<T>): Promise<T> {
    calls[name] += 1;
    await delayed.until;
    const failure = delayed.failures[name];
    if (failure) throw failure;
    return call();
  }
  const delayed: DelayedBackend = {
    encoding: backend.encoding,
    answers: 'later',
    calls,
    until: Promise.resolve(),
    failures: {},
    load: (key) => when('load', () => backend.load(key)),
    create: (record) => when('create', () => backend.create(record)),
    update: (record, base) => when('update', () => backend.update(record, base)),
    touch: (record, base) => when('touch', () => backend.touch(record, base)),
    delete: (key, base) => when('delete', () => backend.delete(key, base)),
    clearExpired: (options) => backend.clearExpired(options),
    close: () => backend.close(),
  };
  return delayed;
}
