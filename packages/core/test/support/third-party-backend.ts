import {
  type ClearExpiredOptions,
  CreateError,
  type SessionBackend,
  type SessionRecord,
  type StoredSession,
  UpdateError,
  type Written,
} from '@coatcheck/core';

/** A whole backend, as a third party would write one: sessions in a Map. The worked example of docs/backends.md. */
export class MapBackend implements SessionBackend {
  readonly encoding = { salt: 'example.MapBackend' } as const;
  readonly answers = 'synchronously';
  readonly #now: () => Date;
  #records: Map<string, SessionRecord> | undefined = new Map();

  constructor({ now }: { now: () => Date }) {
    this.#now = now;
  }

  load(key: string): StoredSession | undefined {
    const record = this.#open.get(key);
    if (!record || record.expiresAt <= this.#now()) return undefined;
    return { data: record.data, base: record.data, expiresAt: record.expiresAt };
  }

  async create(record: SessionRecord): Promise<Written> {
    if (this.load(record.key)) throw new CreateError();
    return this.#put(record);
  }

  async update(record: SessionRecord, base: string): Promise<Written> {
    const current = this.load(record.key);
    if (!current) throw new UpdateError('gone');
    if (current.base !== base) throw new UpdateError('changed', current);
    return this.#put(record);
  }

  async touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.load(record.key)?.base === base ? this.#put(record) : undefined;
  }

  async delete(key: string, base?: string): Promise<boolean> {
    const current = this.load(key);
    if (!current) return false;
    if (base !== undefined && current.base !== base) throw new UpdateError('changed', current);
    return this.#open.delete(key);
  }

  async clearExpired(options: ClearExpiredOptions = {}): Promise<number> {
    const { batchSize = 1000, signal, onProgress, dryRun, expiresAt = this.#now() } = options;
    const expired = [...this.#open.values()].filter((record) => record.expiresAt <= expiresAt);
    if (dryRun) return expired.length;
    let cleared = 0;
    while (cleared < expired.length && !signal?.aborted) {
      const batch = expired.slice(cleared, cleared + batchSize);
      for (const { key } of batch) this.#open.delete(key);
      cleared += batch.length;
      onProgress?.(cleared);
    }
    return cleared;
  }

  async close(): Promise<void> {
    this.#records = undefined;
  }

  get #open(): Map<string, SessionRecord> {
    if (!this.#records) throw new Error('The backend is closed.');
    return this.#records;
  }

  #put(record: SessionRecord): Written {
    this.#open.set(record.key, record);
    return { key: record.key, base: record.data };
  }
}
