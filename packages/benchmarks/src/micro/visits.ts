import { createSessions, type SessionBackend, type SessionResponse } from '@coatcheck/core';
import type { RawStore } from '../contenders/raw-stores.ts';
import type { Run } from './measure.ts';

/** What a request does with its session. */
export type Visit = 'untouched' | 'read' | 'write' | 'create';

export const visits: readonly Visit[] = ['untouched', 'read', 'write', 'create'];

export const SECRET = 'for-measurements:8Kq2!zV5mX9pL3tR';

/** Entries with so many bytes of JSON, a small one among them. */
export function entriesOf(bytes: number): Record<string, unknown> {
  const user = { id: 4711, name: 'Ada Lovelace', groups: ['staff', 'editors'] };
  const cart: unknown[] = [];
  const entries = { user, n: 0, cart };
  for (let i = 0; JSON.stringify(entries).length < bytes - 40; i += 1) {
    cart.push({ article: `article-${i}`, quantity: i % 9 });
  }
  return entries;
}

/** Requests to sessions of one backend, from the cookie to the headers, without HTTP and framework. */
export class Visits {
  readonly #sessions: ReturnType<typeof createSessions<Record<string, unknown>>>;
  readonly #entries: Record<string, unknown>;
  readonly #cookies: string[] = [];
  #written = 0;

  constructor(backend: SessionBackend, bytes = 300) {
    this.#entries = entriesOf(bytes);
    this.#sessions = createSessions<Record<string, unknown>>({
      backend,
      secretKey: SECRET,
      operationTimeoutMs: 60_000,
    });
  }

  get stored(): number {
    return this.#cookies.length;
  }

  /** Stores sessions until there are so many. */
  async fill(count: number): Promise<void> {
    const work = async (): Promise<void> => {
      while (this.#cookies.length < count) {
        const session = this.#sessions.open();
        session.update(this.#entries);
        // Before the others look how many there are.
        const at = this.#cookies.push('') - 1;
        await session.save();
        this.#cookies[at] = `sessionid=${session.sessionKey}`;
      }
    };
    await Promise.all(Array.from({ length: 500 }, work));
  }

  /** Requests of these visitors in turn; @param visitors how many of those that are stored, from all over the place. */
  runs(visit: Visit, visitors: number): Run {
    const step = Math.max(1, Math.floor(this.stored / visitors));
    return (i) => this.#request(visit, ((i % visitors) * step) % this.stored);
  }

  /** Changes to one session that are saved; it stays open, so that nothing else of a request is done. */
  commits(): Run {
    const session = this.#sessions.open(this.#cookies[0]?.slice('sessionid='.length));
    return (i) => {
      session.set('n', i);
      return session.save();
    };
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  async #request(visit: Visit, visitor: number): Promise<void> {
    const response = new Headers();
    const cookie = visit === 'create' ? undefined : this.#cookies[visitor];
    const http = this.#sessions.openForRequest(cookie, response);
    await http.begin();
    const { session } = http;
    if (visit === 'create') session.update(this.#entries);
    if (visit === 'read' || visit === 'write') session.get('user');
    if (visit === 'write') session.set('n', ++this.#written);
    await http.finish(200);
    const sent = response.getHeader('Set-Cookie')?.[0];
    if (visit === 'write' && sent) this.#cookies[visitor] = sent.slice(0, sent.indexOf(';'));
  }
}

/** The same with nothing but a driver: a call, JSON, and the key out of a cookie. */
export class RawVisits {
  readonly #store: RawStore;
  readonly #entries = entriesOf(300);
  readonly #cookies: string[] = [];

  constructor(store: RawStore) {
    this.#store = store;
  }

  /** Stores sessions until there are so many. */
  async fill(count: number): Promise<void> {
    const data = JSON.stringify(this.#entries);
    const work = async (): Promise<void> => {
      while (this.#cookies.length < count) {
        const at = this.#cookies.push('') - 1;
        this.#cookies[at] = `sessionid=${await this.#store.create(data)}`;
      }
    };
    await Promise.all(Array.from({ length: 500 }, work));
  }

  runs(visit: 'read' | 'write', visitors: number): Run {
    const step = Math.max(1, Math.floor(this.#cookies.length / visitors));
    return (i) => this.#request(visit, ((i % visitors) * step) % this.#cookies.length);
  }

  async #request(visit: 'read' | 'write', visitor: number): Promise<void> {
    const key = (this.#cookies[visitor] ?? '').slice('sessionid='.length);
    const loading = this.#store.load(key);
    const text = loading instanceof Promise ? await loading : loading;
    const entries = JSON.parse(String(text));
    if (visit === 'read') return;
    entries.n += 1;
    const updating = this.#store.update(key, JSON.stringify(entries));
    if (updating instanceof Promise) await updating;
  }
}

class Headers implements SessionResponse {
  readonly headersSent = false;
  readonly #values = new Map<string, string | readonly string[]>();

  getHeader(name: string): string | readonly string[] | undefined {
    return this.#values.get(name);
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.#values.set(name, value);
  }
}
