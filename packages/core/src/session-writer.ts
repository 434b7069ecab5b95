import type { ClientFacts } from './account-index.ts';
import { afterwards, whenAnswered } from './awaitable.ts';
import type { BackendCalls } from './backend-calls.ts';
import type { Entries } from './changes.ts';
import { isNamed } from './compare-and-set.ts';
import { CreateError } from './errors.ts';
import { attributesOf } from './session-attributes.ts';
import type { Awaitable, SessionBackend, SessionRecord, Written } from './session-backend.ts';
import type { LoadedSession, SessionCodec } from './session-codec.ts';
import type { SessionEventEmitter } from './session-events.ts';
import { newSessionKey } from './session-key.ts';
import { completed, endOfSession, withSharedExpiry } from './session-lifetime.ts';
import type { SessionPlace } from './session-place.ts';
import type { Settings } from './settings.ts';

/** A record that was written, and the key that the cookie has to carry now. */
export interface Committed {
  readonly key: string;
  readonly session: LoadedSession;
}

/** A record that is about to be written. */
interface Draft {
  /** As the visitor has it. */
  readonly key: string;
  readonly entries: Entries;
  readonly now: Date;
  readonly record: SessionRecord;
}

const CREATE_ATTEMPTS = 5;

/** What a writer writes with, and where. */
export interface WriterParts {
  readonly backend: SessionBackend;
  readonly codec: SessionCodec;
  readonly calls: BackendCalls;
  readonly place: SessionPlace;
  readonly events: SessionEventEmitter;
  readonly settings: Settings;
  /** Whether the key is the data. */
  readonly inCookie: boolean;
}

/** Writes sessions as records of a backend, and tells what was written. */
export class SessionWriter {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Stores the entries under a new key; `origin` is the base of the record that they come from. */
  create(entries: Entries, origin?: string, client?: ClientFacts): Awaitable<Committed> {
    const complete = completed(entries, undefined, this.#parts.settings);
    return this.#create(complete, origin, client, 1);
  }

  /** Replaces the record that was found; `origin` where the entries come from another. @throws {UpdateError} */
  replace(
    key: string,
    entries: Entries,
    { base, entries: before }: LoadedSession,
    { origin, client }: { origin?: string; client?: ClientFacts | undefined } = {},
  ): Awaitable<Committed> {
    const draft = this.#draft(key, withSharedExpiry(entries, this.#parts.settings), { before });
    return this.#noted(draft, client, () =>
      afterwards(this.#update(draft, base, origin), (written) => this.#replaced(draft, written)),
    );
  }

  /** Turns the record that `base` names into a marker: its session is no more under this key. @throws {UpdateError} */
  async retire(key: string, base: string, marker: Entries): Promise<void> {
    await this.#update(this.#draft(key, marker), base);
  }

  /** Moves the record's expiry; `undefined` when somebody else changed or removed it, who then did so anyway. */
  async touch(
    key: string,
    loaded: LoadedSession,
    client?: ClientFacts,
  ): Promise<Committed | undefined> {
    const entries = completed(loaded.entries, loaded.signedAt, this.#parts.settings);
    const resign =
      loaded.fallback !== undefined || this.#parts.inCookie || entries !== loaded.entries;
    const draft = this.#draft(key, entries, { data: resign ? undefined : loaded.data });
    const { record } = draft;
    const { base } = loaded;
    const { backend, calls } = this.#parts;
    const call = { operation: 'touch', key, record, base } as const;
    const written = await this.#noted(draft, client, () =>
      calls.make(call, () => backend.touch(record, base)),
    );
    return written && this.#committed(draft, written);
  }

  /** Sends the record once its account's note is there. */
  #noted<T>(
    { record, entries }: Draft,
    client: ClientFacts | undefined,
    send: () => Awaitable<T>,
  ): Awaitable<T> {
    const { notes } = this.#parts.place;
    return notes ? notes.note(record, entries, client).then(send) : send();
  }

  /** With the text, where that is known already, or what the entries were made from. */
  #draft(
    key: string,
    entries: Entries,
    { data, before }: { data?: string | undefined; before?: Entries } = {},
  ): Draft {
    const { place, codec, settings } = this.#parts;
    const now = settings.now();
    const record: SessionRecord = {
      key: place.backendKey(key),
      data: data ?? codec.encode(entries, now, before),
      expiresAt: endOfSession(entries, now, settings),
      attributes: attributesOf(entries, settings),
    };
    return { key, entries, now, record };
  }

  #replaced(draft: Draft, written: Written): Committed {
    const committed = this.#committed(draft, written);
    const { entries, now, record } = draft;
    this.#parts.codec.replaced(draft.key, committed.key, { data: record.data, entries, now });
    return this.#told('saved', committed);
  }

  #told(event: 'created' | 'saved', committed: Committed): Committed {
    this.#parts.events.tell(event, committed.key, {});
    return committed;
  }

  #committed({ key, entries, now, record }: Draft, written: Written): Committed {
    const session: LoadedSession = {
      data: record.data,
      base: written.base,
      entries,
      expiresAt: record.expiresAt,
      modifiedAt: undefined,
      signedAt: Math.floor(now.getTime() / 1000),
      fallback: undefined,
      rotated: false,
      moving: undefined,
    };
    return { key: this.#parts.inCookie ? written.key : key, session };
  }

  #update({ key, record }: Draft, base: string, origin?: string): Awaitable<Written> {
    const { backend, calls } = this.#parts;
    const call = { operation: 'update', key, record, base } as const;
    return calls.make(call, () => backend.update(record, base, origin));
  }

  #create(
    entries: Entries,
    origin: string | undefined,
    client: ClientFacts | undefined,
    attempt: number,
  ): Awaitable<Committed> {
    const { backend, calls, inCookie } = this.#parts;
    const draft = this.#draft(inCookie ? '' : newSessionKey(), entries);
    const { key, record } = draft;
    const send = (): Awaitable<Committed> =>
      whenAnswered(
        () => {
          const call = { operation: 'create', key, record, base: origin } as const;
          return calls.make(call, () => backend.create(record, origin));
        },
        (written) => this.#told('created', this.#committed(draft, written)),
        (error) => {
          if (!isNamed(error, 'CreateError')) throw error;
          if (attempt === CREATE_ATTEMPTS) throw keysAreTaken(error);
          return this.#create(entries, origin, client, attempt + 1);
        },
      );
    return this.#noted(draft, client, send);
  }
}

function keysAreTaken(cause: unknown): CreateError {
  return new CreateError(
    `${CREATE_ATTEMPTS} new session keys in a row were taken; the random source is broken.`,
    { cause },
  );
}
