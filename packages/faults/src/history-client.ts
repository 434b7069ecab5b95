import type { Random } from '@coatcheck/test-support';
import type { Fleet } from './fleet.ts';
import type { Operation, OperationKind, Outcome, Seen } from './history.ts';
import type { Answer, NoAnswer, Site } from './site.ts';

/** How often a client does what: shares of the sum. */
export type Weights = Readonly<Record<Exclude<OperationKind, 'create'>, number>>;

/** Everything, with more of what is frequent in life. */
export const MIXED: Weights = { read: 40, set: 40, count: 8, cycle: 8, end: 4 };
/** Changes of sessions that go on. */
export const CHANGES: Weights = { read: 10, set: 70, count: 20, cycle: 0, end: 0 };

/** Sessions that are in use at the same time. */
const SESSIONS = 8;
/** Entries that each of them has. */
const ENTRIES = 4;

interface KnownSession {
  readonly marker: string;
  readonly keys: string[];
}

/** What all clients of a history share. */
export class SharedSessions {
  readonly operations: Operation[] = [];
  readonly alive: KnownSession[] = [];
  readonly ended: KnownSession[] = [];
  /** Requests that got no answer at all for half a minute. */
  hanging = 0;
  /** Answers with a status that none of the routes has. */
  readonly unexpected: string[] = [];
  #made = 0;

  next(): number {
    this.#made += 1;
    return this.#made;
  }
}

/** One client: does one operation after the other. */
export class HistoryClient {
  readonly #fleet: Fleet;
  readonly #shared: SharedSessions;
  readonly #random: Random;
  readonly #weights: Weights;

  constructor(fleet: Fleet, shared: SharedSessions, random: Random, weights: Weights) {
    this.#fleet = fleet;
    this.#shared = shared;
    this.#random = random;
    this.#weights = weights;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const outcome = await this.#step();
      // Where nobody listens there is no point in hurrying.
      const pause = outcome === 'done' ? this.#random(4) : 10 + this.#random(30);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #step(): Promise<Outcome> {
    const { alive, ended } = this.#shared;
    if (alive.length < SESSIONS) return this.#create();
    const pool = ended.length > 0 && this.#random(10) === 0 ? ended : alive;
    const session = pool[this.#random(pool.length)] as KnownSession;
    const { keys } = session;
    const old = this.#random(8) === 0;
    const key = (old ? keys[this.#random(keys.length)] : keys.at(-1)) as string;
    const operation = await this.#do(this.#kind(), session, key);
    if (operation.newKey !== undefined) keys.push(operation.newKey);
    const isOver =
      (operation.kind === 'end' && operation.outcome === 'done') ||
      (operation.outcome === 'absent' && key === keys.at(-1));
    if (isOver && alive.includes(session)) {
      alive.splice(alive.indexOf(session), 1);
      ended.push(session);
    }
    return operation.outcome;
  }

  async #create(): Promise<Outcome> {
    const marker = `session-${this.#shared.next()}`;
    const [site, number] = this.#site();
    const answer = await site.request(`/create?value=${marker}`);
    const outcome = this.#outcomeOf(answer);
    const newKey = 'cookie' in answer ? answer.cookie : undefined;
    if (outcome !== 'done' || newKey === undefined) return outcome;
    this.#shared.alive.push({ marker, keys: [newKey] });
    const times = timesOf(answer);
    this.#log({ kind: 'create', outcome, session: marker, newKey, site: number, ...times });
    return outcome;
  }

  /** Reads every session that there was, under each of its keys, as it is in the end. */
  async readAll(fleet: Fleet): Promise<void> {
    for (const session of [...this.#shared.alive, ...this.#shared.ended]) {
      for (const key of session.keys) {
        const answer = await fleet.site(0).request('/read', key);
        this.#log({ ...this.#read(session, key, answer), isFinal: true });
      }
    }
  }

  async #do(kind: OperationKind, session: KnownSession, key: string): Promise<Operation> {
    const [site, number] = this.#site();
    if (kind === 'read') {
      const read = this.#read(session, key, await site.request('/read', key));
      return this.#log({ ...read, site: number });
    }
    const entry = `e${this.#random(ENTRIES)}`;
    const value = `v${this.#shared.next()}`;
    const paths = {
      set: `/${this.#random(2) === 0 ? 'set' : 'save'}?name=${entry}&value=${value}`,
      ...{ count: '/count', cycle: '/cycle', end: '/logout', create: '/create' },
    };
    const answer = await site.request(paths[kind], key);
    const outcome = this.#outcomeOf(answer);
    const newKey = outcome === 'done' && 'cookie' in answer ? answer.cookie : undefined;
    return this.#log({
      ...{ kind, outcome, session: session.marker, key, site: number, ...timesOf(answer) },
      ...(kind === 'set' && { entry, value }),
      ...(kind === 'cycle' && { newKey }),
    });
  }

  #read(session: KnownSession, key: string, answer: Answer | NoAnswer): Operation {
    const outcome = this.#outcomeOf(answer);
    const seen = outcome === 'done' && 'body' in answer ? seenIn(answer.body) : undefined;
    return { kind: 'read', outcome, session: session.marker, key, seen, ...timesOf(answer) };
  }

  #outcomeOf(answer: Answer | NoAnswer): Outcome {
    if (answer.status === undefined) {
      if (answer.code === 'HANGS') this.#shared.hanging += 1;
      return answer.code === 'ECONNREFUSED' ? 'refused' : 'unknown';
    }
    if (answer.status === 200) return 'done';
    if (answer.status === 401 || answer.status === 400) return 'absent';
    if (answer.status !== 503) this.#shared.unexpected.push(`${answer.status} ${answer.body}`);
    return answer.ambiguous ? 'unknown' : 'refused';
  }

  #kind(): OperationKind {
    const shares = Object.entries(this.#weights) as [OperationKind, number][];
    let at = this.#random(shares.reduce((sum, [, share]) => sum + share, 0));
    for (const [kind, share] of shares) {
      if (at < share) return kind;
      at -= share;
    }
    return 'read';
  }

  #site(): [Site, number] {
    const number = this.#random(this.#fleet.sites.length);
    return [this.#fleet.site(number), number];
  }

  #log(operation: Operation): Operation {
    this.#shared.operations.push(operation);
    return operation;
  }
}

function seenIn(body: string): Seen {
  const { marker, count = 0, ...values } = JSON.parse(body);
  return { marker, count, values };
}

function timesOf({ start, end }: Answer | NoAnswer): { start: number; end: number } {
  return { start, end };
}
