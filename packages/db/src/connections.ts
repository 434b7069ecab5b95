import { BackendUnavailable } from '@coatcheck/core';
import type { Outcome, Statement } from './database-driver.ts';

/** A connection of a pool, lent for one call. */
export interface Connection {
  execute(statement: Statement): Promise<Outcome>;
  /** Gives it back to the pool; with `broken` it is closed instead, and whatever it is doing with it. */
  release(broken: boolean): void;
}

/** The connections of a server: a pool of a driver, seen through what is used of it. */
export interface ConnectionPool {
  acquire(): Promise<Connection>;
  /** Whether the connection can be trusted after it met this error: the server sent it, and goes on. */
  isUsableAfter(error: unknown): boolean;
  /** Closes the pool if it is ours. Called once, when no connection is lent. */
  end(): Promise<void>;
}

/** Runs a statement on the connection that was lent. */
export type Execute = (statement: Statement) => Promise<Outcome>;

/** What a statement may take that no visitor waits for. */
const longMs = 300_000;

/** Lends connections for calls that must end in time, and never lends one again that failed. */
export class Connections {
  readonly #pool: ConnectionPool;
  readonly #timeoutMs: number;
  #lent = 0;
  #idle: (() => void) | undefined;

  /** @param timeoutMs how long a call may take, the wait for a connection included. */
  constructor(pool: ConnectionPool, timeoutMs: number) {
    this.#pool = pool;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * What the call returns, made on one connection.
   *
   * @throws {BackendUnavailable} with `ambiguous` when the connection was lost, or the time was up, after a statement
   *   had been sent that may have changed something. Every other failure means that it has changed nothing.
   */
  async lend<T>(call: (execute: Execute) => Promise<T>): Promise<T> {
    const endsAt = performance.now() + this.#timeoutMs;
    this.#lent += 1;
    try {
      const connection = await this.#acquire();
      let broken = false;
      try {
        return await call(async (statement) => {
          const leftMs = statement.mayTakeLong ? longMs : endsAt - performance.now();
          if (leftMs <= 0) throw timeout('There was no time left to ask the database.');
          try {
            return await within(leftMs, connection.execute(statement));
          } catch (error) {
            if (this.#pool.isUsableAfter(error)) throw error;
            broken = true;
            throw isQuery(statement) ? error : ambiguous(error);
          }
        });
      } finally {
        connection.release(broken);
      }
    } finally {
      this.#lent -= 1;
      if (this.#lent === 0) this.#idle?.();
    }
  }

  /** Waits for the calls under way, then closes the pool if it is ours. */
  async close(): Promise<void> {
    if (this.#lent > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await this.#pool.end();
  }

  #acquire(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let tooLate = false;
      const timer = setTimeout(() => {
        tooLate = true;
        reject(timeout(`No connection to the database was free within ${this.#timeoutMs} ms.`));
      }, this.#timeoutMs);
      this.#pool.acquire().then(
        (connection) => {
          clearTimeout(timer);
          if (tooLate) connection.release(false);
          else resolve(connection);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}

function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(timeout(`The database did not answer within ${Math.ceil(ms)} ms.`)),
      ms,
    );
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

function isQuery({ sql }: Statement): boolean {
  return /^(?:SELECT|SHOW)/.test(sql);
}

function ambiguous(cause: unknown): BackendUnavailable {
  return new BackendUnavailable(
    'The connection to the database failed while it was writing; whether it wrote is not known.',
    { ambiguous: true, cause },
  );
}

function timeout(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}
