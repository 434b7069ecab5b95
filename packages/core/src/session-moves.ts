import type { BackendCalls } from './backend-calls.ts';
import type { Entries } from './changes.ts';
import { isNamed, isUpdateError, untilUnchanged } from './compare-and-set.ts';
import { arrivingBy, moveOf, newRotation } from './rotation-marker.ts';
import { attributesOf } from './session-attributes.ts';
import type {
  Awaitable,
  SessionBackend,
  SessionRecord,
  StoredSession,
  Written,
} from './session-backend.ts';
import type { LoadedSession, SessionCodec } from './session-codec.ts';
import type { SessionEventEmitter } from './session-events.ts';
import { completed, endOfSession } from './session-lifetime.ts';
import type { SessionPlace } from './session-place.ts';

/** A session as it is elsewhere. */
export interface SessionElsewhere {
  readonly entries: Entries;
  readonly expiresAt: Date;
  /** Seconds at which it was signed there, if it was. */
  readonly signedAt: number | undefined;
  /** Names what was seen there. */
  readonly base: string;
}

/** What is elsewhere: a session, what a move has left there, or what is left of a key that was cycled there. */
export type FoundElsewhere =
  | { readonly session: SessionElsewhere }
  | { readonly move: string }
  | { readonly cycled: Entries };

/** Where one session comes from. It decides which of several moves comes through. */
export interface MoveSource {
  /** `undefined`: nothing, for certain. @throws when that cannot be told */
  look(): Awaitable<FoundElsewhere | undefined>;
  /** Marks what was seen there as taken by the move, so that no other can take it; `false` where it has changed. */
  leave(session: SessionElsewhere, move: string): Promise<boolean>;
  /** Removes what a mark does not; once before the session is used here. */
  clear?(): Promise<void>;
}

/** What is here under a key. `base` is that of what may be replaced. */
type FoundHere =
  | { readonly state: 'settled'; readonly stored: StoredSession }
  | { readonly state: 'absent'; readonly base: string | undefined }
  | {
      readonly state: 'moving';
      readonly move: string;
      readonly base: string;
      readonly session: LoadedSession;
    };

/**
 * Moves sessions here from elsewhere when they are first used, each once and as a whole, whoever does so at once and
 * wherever a process dies. In this order, each step a compare-and-set:
 *
 * 1. The record is created here, and says which move brings it: that is no session yet.
 * 2. The source is marked with that move. From here on the session lives here alone.
 * 3. The record forgets the move.
 *
 * Whoever meets a record of step 1 looks at the source: it goes on with the move, or removes a record whose move did
 * not come through, such as that of a process which slept while the session was moved, used and ended by others.
 */
export class SessionMoves {
  readonly #backend: SessionBackend;
  readonly #codec: SessionCodec;
  readonly #calls: BackendCalls;
  readonly #place: SessionPlace;
  readonly #events: SessionEventEmitter;
  readonly #underWay = new Map<string, Promise<StoredSession | undefined>>();

  constructor(
    backend: SessionBackend,
    codec: SessionCodec,
    calls: BackendCalls,
    place: SessionPlace,
    events: SessionEventEmitter,
  ) {
    this.#backend = backend;
    this.#codec = codec;
    this.#calls = calls;
    this.#place = place;
    this.#events = events;
  }

  /** Whether what was found here is all that there is to know. */
  isSettled(key: string, stored: StoredSession | undefined): boolean {
    return this.#stateOf(key, stored).state === 'settled';
  }

  /**
   * What is stored here under the key, once a session that is elsewhere has been moved here.
   *
   * @throws {BackendUnavailable} when one of the places does not answer: the next request goes on from there
   */
  arrive(key: string, source: MoveSource): Promise<StoredSession | undefined> {
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const arriving = this.#arrive(key, source).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, arriving);
    return arriving;
  }

  async #arrive(key: string, source: MoveSource): Promise<StoredSession | undefined> {
    let arrived: StoredSession | undefined;
    let lookedAgain = false;
    await untilUnchanged(async () => {
      const here = await this.#look(key);
      if (here.state === 'settled') {
        arrived = here.stored;
        return true;
      }
      const there = await source.look();
      if (there && 'session' in there) {
        const move = here.state === 'moving' ? here.move : newRotation();
        const { session } = there;
        const written = await this.#write(key, session, here.base, move);
        if (!written || !(await source.leave(session, move))) return false;
        arrived = await this.#settle(key, session, written.base, source);
        return arrived !== undefined;
      }
      const left = there && 'move' in there ? there.move : undefined;
      if (here.state === 'moving') {
        if (here.move === left) {
          arrived = await this.#settle(key, this.#asElsewhere(here), here.base, source);
          return arrived !== undefined;
        }
        await this.#remove(key, here.base);
        return false;
      }
      if (there && 'cycled' in there) {
        arrived = { data: this.#codec.encode(there.cycled), base: '' };
        return true;
      }
      // It may have arrived between the two looks; after another one it has ended.
      if (left === undefined || lookedAgain) return true;
      lookedAgain = true;
      return false;
    });
    return arrived;
  }

  async #look(key: string): Promise<FoundHere> {
    const read = () => this.#backend.load(this.#place.backendKey(key));
    return this.#stateOf(key, await this.#calls.make({ operation: 'load', key }, read));
  }

  #stateOf(key: string, stored: StoredSession | undefined): FoundHere {
    if (!stored) return { state: 'absent', base: undefined };
    const session = this.#codec.decode(stored, key);
    if (typeof session === 'string') return { state: 'settled', stored };
    const { base, moving: move } = session;
    if (move !== undefined) return { state: 'moving', move, base, session };
    // A session that was moved away from here may come back.
    const wasMoved = session.rotated && moveOf(session.entries) !== undefined;
    return wasMoved ? { state: 'absent', base } : { state: 'settled', stored };
  }

  #asElsewhere({ session }: FoundHere & { state: 'moving' }): SessionElsewhere {
    const { entries, signedAt, base } = session;
    const { settings } = this.#place;
    const expiresAt = session.expiresAt ?? endOfSession(entries, settings.now(), settings);
    return { entries, signedAt, base, expiresAt };
  }

  /** Nothing is left elsewhere: from now on it is a session. `undefined`: somebody else was faster. */
  async #settle(
    key: string,
    session: SessionElsewhere,
    base: string,
    source: MoveSource,
  ): Promise<StoredSession | undefined> {
    await source.clear?.();
    const written = await this.#write(key, session, base);
    if (!written) return undefined;
    this.#events.tell('moved', key, {});
    const { data, expiresAt } = written.record;
    return { data, base: written.base, expiresAt };
  }

  /** Creates the record, or replaces the one that `base` names; `undefined`: it is not as it was seen. */
  async #write(
    key: string,
    { entries, signedAt, expiresAt }: SessionElsewhere,
    base: string | undefined,
    move?: string,
  ): Promise<(Written & { readonly record: SessionRecord }) | undefined> {
    const { settings, notes } = this.#place;
    const kept = completed(entries, signedAt, settings);
    const record: SessionRecord = {
      key: this.#place.backendKey(key),
      data: this.#codec.encode(move === undefined ? kept : arrivingBy(move, kept)),
      expiresAt,
      attributes: attributesOf(kept, settings),
    };
    await notes?.note(record, kept, undefined);
    try {
      const operation = base === undefined ? 'create' : 'update';
      const write = () =>
        base === undefined ? this.#backend.create(record) : this.#backend.update(record, base);
      const written = await this.#calls.make({ operation, key, record, base }, write);
      return { ...written, record };
    } catch (error) {
      if (isNamed(error, 'CreateError') || isUpdateError(error)) return undefined;
      throw error;
    }
  }

  async #remove(key: string, base: string): Promise<void> {
    try {
      const remove = () => this.#backend.delete(this.#place.backendKey(key), base);
      await this.#calls.make({ operation: 'delete', key, base }, remove);
    } catch (error) {
      if (!isUpdateError(error)) throw error;
    }
  }
}
