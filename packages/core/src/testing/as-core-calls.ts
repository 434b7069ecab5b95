import { UpdateError } from '../errors.ts';
import type {
  Awaitable,
  ClearExpiredOptions,
  SessionBackend,
  SessionRecord,
  StoredSession,
  Written,
} from '../session-backend.ts';
import { changedTo } from './refusals.ts';

/**
 * The backend as core calls it: one whose `encoding` is `serialized` gets JSON objects and nothing else, whatever text
 * a test wants to keep.
 */
export function asCoreCalls(backend: SessionBackend): SessionBackend {
  return backend.encoding === 'serialized' ? new JsonRecords(backend) : backend;
}

class JsonRecords implements SessionBackend {
  readonly encoding: SessionBackend['encoding'];
  readonly answers: SessionBackend['answers'];
  readonly #backend: SessionBackend;

  constructor(backend: SessionBackend) {
    this.encoding = backend.encoding;
    this.answers = backend.answers;
    this.#backend = backend;
  }

  load(key: string): ReturnType<SessionBackend['load']> {
    const found = this.#backend.load(key);
    return found && 'then' in found ? found.then(unwrap) : unwrap(found);
  }

  async create(record: SessionRecord): Promise<Written> {
    return this.#backend.create(wrap(record));
  }

  async update(record: SessionRecord, base: string): Promise<Written> {
    return tellText(() => this.#backend.update(wrap(record), base));
  }

  touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.#backend.touch(wrap(record), base);
  }

  delete(key: string, base?: string): Promise<boolean> {
    return tellText(() => this.#backend.delete(key, base));
  }

  clearExpired(options?: ClearExpiredOptions): Promise<number> {
    return this.#backend.clearExpired(options);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}

function wrap(record: SessionRecord): SessionRecord {
  return { ...record, data: JSON.stringify({ text: record.data }) };
}

function unwrap(found: StoredSession | undefined): StoredSession | undefined {
  return found && { ...found, data: JSON.parse(found.data).text };
}

/** The answer; an error that says what is stored now says so in the words of the test. */
async function tellText<T>(call: () => Awaitable<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const current = unwrap(changedTo(error));
    throw current ? new UpdateError('changed', current) : error;
  }
}
