/** What a client of a history did to sessions. */
export type OperationKind = 'create' | 'read' | 'set' | 'count' | 'cycle' | 'end';

/**
 * How it ended: `done` is acknowledged; `refused` says that nothing was done; `absent` that the session was no more
 * when it was done; `unknown` leaves it open.
 */
export type Outcome = 'done' | 'refused' | 'absent' | 'unknown';

/** What a read showed. */
export interface Seen {
  readonly marker: string;
  readonly values: Readonly<Record<string, string>>;
  readonly count: number;
}

/** One operation of a history; `start` and `end` come from one clock. */
export interface Operation {
  readonly kind: OperationKind;
  readonly outcome: Outcome;
  /** The marker of the session: what it holds since it was created. */
  readonly session: string;
  /** The key that was sent; none for `create`. */
  readonly key?: string | undefined;
  readonly start: number;
  readonly end: number;
  /** Which entry was set, and to what; no two operations set the same value. */
  readonly entry?: string | undefined;
  readonly value?: string | undefined;
  /** The key that `create` and `cycle` were given. */
  readonly newKey?: string | undefined;
  readonly seen?: Seen | undefined;
  /** The process that was asked. */
  readonly site?: number | undefined;
  /** A read past every cache, after all was over. */
  readonly isFinal?: boolean | undefined;
}

/** What must not have happened. */
export interface Anomaly {
  readonly kind:
    | 'foreign data'
    | 'revived'
    | 'alive under a cycled key'
    | 'lost session'
    | 'two successors'
    | 'shared key'
    | 'lost or stale value'
    | 'value out of nowhere'
    | 'wrong count';
  readonly operations: readonly Operation[];
}
