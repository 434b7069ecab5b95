import {
  type Awaitable,
  type ClearExpiredOptions,
  CreateError,
  type SessionBackend,
  type SessionRecord,
  type StoredSession,
  UpdateError,
  type Written,
} from '@coatcheck/core';

type Operation = 'load' | 'create' | 'update' | 'touch' | 'delete';
type Hook = (operation: Operation, key: string) => Awaitable<void>;

/** Settings of `MemoryBackend`. */
export interface MemoryBackendOptions {
  readonly now: () => Date;
  readonly answers?: SessionBackend['answers'];
  readonly encoding?: SessionBackend['encoding'];
}

/** A backend that a test can hold up or make fail: `before` an operation is applied, or `after` it was. */
export class MemoryBackend implements SessionBackend {
  readonly encoding: SessionBackend['encoding'];
  readonly answers: SessionBackend['answers'];
  readonly records = new Map<string, SessionRecord>();
  readonly calls: Operation[] = [];
  before: Hook = () => {};
  after: Hook = () => {};
  readonly #now: () => Date;

  constructor({
    now,
    answers = 'later',
    encoding = { salt: 'django.contrib.sessions.SessionStore' },
  }: MemoryBackendOptions) {
    this.#now = now;
    this.answers = answers;
    this.encoding = encoding;
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    const find = (): StoredSession | undefined => {
      const record = this.#live(key);
      return record && stored(record);
    };
    if (this.answers === 'later') return this.#call('load', key, find);
    this.calls.push('load');
    void this.before('load', key);
    return find();
  }

  create(record: SessionRecord): Promise<Written> {
    return this.#call('create', record.key, () => {
      if (this.#live(record.key)) throw new CreateError();
      return this.#write(record);
    });
  }

  update(record: SessionRecord, base: string): Promise<Written> {
    return this.#call('update', record.key, () => {
      const current = this.#live(record.key);
      if (!current) throw new UpdateError('gone');
      if (current.data !== base) throw new UpdateError('changed', stored(current));
      return this.#write(record);
    });
  }

  touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.#call('touch', record.key, () =>
      this.#live(record.key)?.data === base ? this.#write(record) : undefined,
    );
  }

  delete(key: string, base?: string): Promise<boolean> {
    return this.#call('delete', key, () => {
      const current = this.#live(key);
      if (!current) return false;
      if (base !== undefined && current.data !== base) {
        throw new UpdateError('changed', stored(current));
      }
      return this.records.delete(key);
    });
  }

  async clearExpired({ expiresAt = this.#now(), dryRun }: ClearExpiredOptions = {}) {
    const expired = [...this.records.values()].filter((record) => record.expiresAt <= expiresAt);
    if (!dryRun) for (const { key } of expired) this.records.delete(key);
    return expired.length;
  }

  async close(): Promise<void> {}

  async #call<T>(operation: Operation, key: string, run: () => T): Promise<T> {
    this.calls.push(operation);
    await this.before(operation, key);
    const result = run();
    await this.after(operation, key);
    return result;
  }

  #live(key: string): SessionRecord | undefined {
    const record = this.records.get(key);
    return record && record.expiresAt > this.#now() ? record : undefined;
  }

  #write(record: SessionRecord): Written {
    this.records.set(record.key, record);
    return { key: record.key, base: record.data };
  }
}

/** A call that never comes back. */
export const never = (): Promise<void> => new Promise(() => {});

function stored({ data, expiresAt }: SessionRecord): StoredSession {
  return { data, base: data, expiresAt };
}
