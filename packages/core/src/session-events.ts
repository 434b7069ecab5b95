import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { isPromise } from './awaitable.ts';
import { Redactor } from './redactor.ts';

/** Why stored bytes or a cookie were not taken for a session. */
export type RejectedReason =
  | 'malformed'
  | 'unknown'
  | 'expired'
  | 'tampered'
  | 'corrupt'
  | 'rotated'
  | 'duplicate cookie';

/** Why a call of the backend brought no answer. With `breaker open` it was not even made. */
export type UnavailableReason = 'timeout' | 'failed' | 'breaker open';

/** What every event says. `session` is a keyed digest: eight hexadecimal digits that stand for the key in logs. */
export interface SessionEvent {
  readonly session: string | undefined;
}

/** The events of `sessions.events`; also published on `node:diagnostics_channel` as `coatcheck:<event>`. */
export interface SessionEvents {
  /** A record was created. */
  created: [SessionEvent];
  /** A record was updated. */
  saved: [SessionEvent];
  /** A session was moved here from the place that `migratingFrom` names, or from what is imported. */
  moved: [SessionEvent];
  /** A write met other writers, or was shared by several; `attempts` is the number of writes it took. */
  merged: [SessionEvent & { readonly attempts: number; readonly commits: number }];
  /** A session ended while a request used it. */
  interrupted: [SessionEvent];
  /** A cookie or a record is no session; `detail` is what the backend says where it refused to decode a record. */
  rejected: [
    SessionEvent & { readonly reason: RejectedReason; readonly detail?: string | undefined },
  ];
  /** A call of the backend brought no answer; `cause` is what may be seen of the driver's error. */
  unavailable: [
    SessionEvent & {
      readonly operation: string;
      readonly reason: UnavailableReason;
      readonly ambiguous: boolean;
      readonly cause: unknown;
    },
  ];
  /** Five calls in a row brought no answer; from now on one a second is made, whether `all` calls or only `writes`. */
  breakerOpened: [
    SessionEvent & {
      readonly affects: 'all' | 'writes';
      readonly reason: UnavailableReason;
      readonly cause: unknown;
    },
  ];
  /** The backend has answered again, after so many milliseconds. */
  breakerClosed: [SessionEvent & { readonly affects: 'all' | 'writes'; readonly openMs: number }];
  /** A cookie could not be sent, because the response had begun. */
  cookieSkipped: [SessionEvent];
  /** The application's Cache-Control was replaced, because the response sets the cookie. */
  cacheControlChanged: [SessionEvent & { readonly from: string; readonly to: string }];
  /** A commit failed after the request had already failed for another reason, or a listener threw. */
  error: [SessionEvent & { readonly cause: unknown }];
}

/** Every channel that was used: one that is collected and made anew may lose its subscribers (Node 20). */
const channels = new Map<keyof SessionEvents, Channel>();

function channelOf(name: keyof SessionEvents): Channel {
  let found = channels.get(name);
  if (!found) {
    found = channel(`coatcheck:${name}`);
    channels.set(name, found);
  }
  return found;
}

/** Emits `SessionEvents`; a listener that throws never breaks what it listens to. */
export class SessionEventEmitter extends EventEmitter<SessionEvents> {
  /** What decides what may be seen in events and errors. */
  readonly redactor: Redactor;

  constructor(secretKey: string) {
    super();
    this.redactor = new Redactor(secretKey);
  }

  /** Tells listeners and channel; costs next to nothing when nobody listens. */
  tell<Name extends keyof SessionEvents>(
    name: Name,
    key: string | undefined,
    details: Omit<SessionEvents[Name][0], 'session'>,
  ): void {
    const published = channelOf(name);
    if (this.listenerCount(name) === 0 && !published.hasSubscribers) return;
    const event = { session: key === undefined ? undefined : this.digest(key), ...details };
    published.publish(event);
    // Raw: the wrapper of a listener added by once() removes it.
    for (const listener of this.rawListeners(name)) {
      try {
        const done: unknown = (listener as (event: object) => unknown).call(this, event);
        if (isPromise(done))
          done.then(undefined, (cause: unknown) => this.#listenerFailed(name, cause));
      } catch (cause) {
        this.#listenerFailed(name, cause);
      }
    }
  }

  #listenerFailed(name: keyof SessionEvents, cause: unknown): void {
    if (name !== 'error') this.tell('error', undefined, { cause } as never);
  }

  /** What stands for a key in logs and events: eight hexadecimal digits of an HMAC. */
  digest(key: string): string {
    return this.redactor.digest(key);
  }
}
