import { LARGE_BYTES, SMALL_BYTES } from './application.ts';
import { isCookie, type Place } from './places.ts';
import type { Visitor } from './visitor.ts';

/** One request, and what its answer has to be. */
export interface Visit {
  readonly path: string;
  readonly visitor: Visitor;
  /** The body that a right answer has. */
  readonly body: string;
  readonly sendsCookie: boolean;
  /** The answer has to set a cookie, which is thrown away. */
  readonly isNew?: boolean;
}

/** What visitors do again and again. */
export interface Scenario {
  readonly name: ScenarioName;
  /** What a table calls it. */
  readonly title: string;
  /** Of the session's JSON. */
  readonly bytes: number;
  /** @param turn counts the visits of this connection */
  visit(visitor: Visitor, turn: number): Visit;
}

export type ScenarioName =
  | 'anonymous'
  | 'untouched'
  | 'read'
  | 'write'
  | 'create'
  | 'mixed'
  | 'large-read'
  | 'large-write';

/** In mixed traffic, one visit of so many writes. */
const MIXED = 100;

export const scenarios: readonly Scenario[] = [
  {
    name: 'anonymous',
    title: 'no cookie, untouched',
    bytes: SMALL_BYTES,
    visit: (visitor) => ({ ...untouched(visitor), sendsCookie: false }),
  },
  { name: 'untouched', title: 'cookie, untouched', bytes: SMALL_BYTES, visit: untouched },
  { name: 'read', title: 'read', bytes: SMALL_BYTES, visit: read },
  { name: 'write', title: 'write', bytes: SMALL_BYTES, visit: write },
  {
    name: 'create',
    title: 'create',
    bytes: SMALL_BYTES,
    visit: (visitor) => ({ ...create(visitor, SMALL_BYTES), isNew: true }),
  },
  {
    name: 'mixed',
    title: 'mixed, 1 % writes',
    bytes: SMALL_BYTES,
    visit: (visitor, turn) => (turn % MIXED === 0 ? write(visitor, turn) : read(visitor)),
  },
  { name: 'large-read', title: 'read 60 KiB', bytes: LARGE_BYTES, visit: read },
  { name: 'large-write', title: 'write 60 KiB', bytes: LARGE_BYTES, visit: write },
];

/** Whether a session of this size fits into the place. */
export function fits({ bytes }: Scenario, place: Place): boolean {
  return bytes < 3000 || !isCookie(place);
}

/** The visit in which a visitor gets a session of so many bytes. */
export function create(visitor: Visitor, bytes: number): Visit {
  const path = `/create/${visitor.id}/${bytes}`;
  return { path, visitor, body: 'created', sendsCookie: false };
}

/** A visit that answers what was written last. */
export function last(visitor: Visitor): Visit {
  return { path: `/last/${visitor.id}`, visitor, body: visitor.last, sendsCookie: true };
}

function untouched(visitor: Visitor): Visit {
  return { path: '/untouched', visitor, body: 'untouched', sendsCookie: true };
}

function read(visitor: Visitor): Visit {
  const { id } = visitor;
  return { path: `/read/${id}`, visitor, body: `user-${id}`, sendsCookie: true };
}

function write(visitor: Visitor, turn: number): Visit {
  visitor.last = String(turn);
  const path = `/write/${visitor.id}/${turn}`;
  return { path, visitor, body: visitor.last, sendsCookie: true };
}
