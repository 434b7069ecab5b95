import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type {
  Awaitable,
  SessionBackend,
  SessionRecord,
  StoredSession,
} from '../session-backend.ts';
import { asCoreCalls } from './as-core-calls.ts';

/** What a backend under test has to be made with. */
export interface BackendContext {
  /** The clock that decides what has expired; it starts at the present and moves only when a test moves it. */
  readonly now: () => Date;
  /** Whether the test uses keys of 64 hexadecimal digits, as core does where `hashKeys` is set. */
  readonly hashKeys: boolean;
}

/** A backend under test. */
export interface BackendUnderTest {
  /** A handle onto an empty place; the suite closes it. */
  readonly backend: SessionBackend;
  /** Another handle onto the same place, as another process would have it; the suite closes it. */
  readonly openAnother?: () => Awaitable<SessionBackend>;
  /** Removes the place, after all handles are closed. */
  readonly cleanup?: () => Awaitable<void>;
}

/** Makes an empty place for one test. */
export type CreateBackend = (context: BackendContext) => Awaitable<BackendUnderTest>;

/** How long the records of this suite last unless a test says otherwise. */
export const hour = 3_600_000;

/** A time far enough to be past every deadline of this suite. */
export const year: number = 365 * 24 * hour;

/** The place of one test: its handles, its clock and what the tests do most. */
export class Place {
  readonly backend: SessionBackend;
  readonly #underTest: BackendUnderTest;
  readonly #clock: Clock;
  readonly #others: SessionBackend[] = [];

  /** Runs a test in a place of its own. */
  static async with(
    createBackend: CreateBackend,
    hashKeys: boolean,
    test: (place: Place) => Promise<void>,
  ): Promise<void> {
    const clock = new Clock();
    const place = new Place(await createBackend({ now: clock.now, hashKeys }), clock);
    try {
      await test(place);
    } finally {
      for (const backend of [...place.#others, place.backend]) await backend.close();
      await place.#underTest.cleanup?.();
    }
  }

  private constructor(underTest: BackendUnderTest, clock: Clock) {
    this.#underTest = underTest;
    this.#clock = clock;
    this.backend = asCoreCalls(underTest.backend);
  }

  /** The first handle as it was made, for what it has beyond the contract. */
  get original(): SessionBackend {
    return this.#underTest.backend;
  }

  /** As many handles onto the place, the first being `backend`. */
  async handles(count: number): Promise<SessionBackend[]> {
    while (this.#others.length < count - 1) await this.another();
    return [this.backend, ...this.#others];
  }

  /** One more handle onto the place, for the test to close or to leave. */
  async another(): Promise<SessionBackend> {
    const { openAnother } = this.#underTest;
    assert(openAnother, 'createBackend returned no openAnother, and cannot.share gives no reason');
    const backend = asCoreCalls(await openAnother());
    this.#others.push(backend);
    return backend;
  }

  /** The instant that lies this far ahead on the place's clock. */
  in(ms: number): Date {
    return new Date(this.#clock.now().getTime() + ms);
  }

  /** Moves the place's clock. */
  pass(ms: number): void {
    this.#clock.pass(ms);
  }

  /** A record under a new key that lasts an hour. */
  record(fields: Partial<SessionRecord> = {}): SessionRecord {
    return {
      key: randomBytes(16).toString('hex'),
      data: 'first',
      expiresAt: this.in(hour),
      attributes: {},
      ...fields,
    };
  }

  /** Creates such a record; its `key` is the one under which it can be loaded. */
  async create(
    fields: Partial<SessionRecord> = {},
  ): Promise<{ record: SessionRecord; base: string }> {
    const record = this.record(fields);
    const { key, base } = await this.backend.create(record);
    return { record: { ...record, key }, base };
  }

  /** Creates this many records. */
  async createMany(count: number, fields: Partial<SessionRecord> = {}): Promise<SessionRecord[]> {
    const created = await Promise.all(Array.from({ length: count }, () => this.create(fields)));
    return created.map(({ record }) => record);
  }

  /** What is stored under the key. */
  async stored(key: string): Promise<StoredSession | undefined> {
    return this.backend.load(key);
  }

  /** Fails unless exactly this is stored under the key. */
  async holds(
    key: string,
    data: string | undefined,
    backend: SessionBackend = this.backend,
  ): Promise<void> {
    const found = await backend.load(key);
    assert.equal(found?.data, data);
  }

  /** How many of these are still there. */
  async remaining(records: readonly SessionRecord[]): Promise<number> {
    const found = await Promise.all(records.map(({ key }) => this.stored(key)));
    return found.filter((session) => session !== undefined).length;
  }
}

class Clock {
  // A whole second, since that is where formats with fractions of a second go wrong.
  #ms = Math.floor(Date.now() / 1000) * 1000;

  readonly now = (): Date => new Date(this.#ms);

  pass(ms: number): void {
    this.#ms += ms;
  }
}
