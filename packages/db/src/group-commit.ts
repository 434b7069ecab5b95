/** The steps of a transaction on one connection; each throws the driver's error. */
export interface Transaction {
  /** Takes the write lock, or throws at once when another connection has it. `mayBeLost`: as for `GroupCommit.write`. */
  begin(mayBeLost: boolean): void;
  commit(): void;
  /** Undoes what there is to undo after that error; never throws. */
  rollback(error: unknown): void;
  /** Whether another connection has the lock, so that the same writes may succeed a moment later. */
  isBusy(error: unknown): boolean;
  /** Whether the error is about the place, so that the writes beside the one that met it cannot be trusted either. */
  isFatal(error: unknown): boolean;
}

interface WaitingWrite {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  readonly giveUpAt: number;
  readonly mayBeLost: boolean;
}

/** The most writes in one transaction, so that the event loop gets its turn; a few milliseconds. */
const largestGroup = 500;

/** The longest pause before the lock is tried again; short, since other processes leave small gaps only. */
const longestPauseMs = 10;

/**
 * Writes that wait at the same time share one transaction, and so one fsync: those of one turn of the event loop, and
 * those that wait for another process to release the lock. The lock is tried from a timer, never waited for in a call.
 */
export class GroupCommit {
  readonly #transaction: Transaction;
  readonly #waitMs: number;
  #waiting: WaitingWrite[] = [];
  #scheduled = false;
  #attempts = 0;
  #busy: unknown;

  /** @param waitMs how long a write waits for the lock before it is rejected with the driver's error. */
  constructor(transaction: Transaction, waitMs: number) {
    this.#transaction = transaction;
    this.#waitMs = waitMs;
  }

  /**
   * What `work` returned, once it is committed. When `work` throws, that is its own failure and the others stand; it
   * may run again after a rollback.
   *
   * @param mayBeLost nobody minds if a power cut undoes it, so that nobody has to wait for the disk
   */
  write<T>(work: () => T, mayBeLost = false): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUpAt = performance.now() + this.#waitMs;
      this.#waiting.push({ work, resolve, reject, giveUpAt, mayBeLost });
      if (!this.#scheduled) this.#soon();
    });
  }

  /** Resolves when the writes asked for so far are settled. */
  async idle(): Promise<void> {
    if (this.#waiting.length > 0) await this.write(() => {}).catch(() => {});
  }

  #soon(): void {
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    this.#rejectOverdue();
    if (this.#waiting.length === 0) return;
    try {
      const settle = this.#commitTogether();
      this.#waiting.splice(0, settle.length);
      this.#attempts = 0;
      for (const each of settle) each();
    } catch (error) {
      this.#transaction.rollback(error);
      if (this.#transaction.isBusy(error)) {
        this.#busy = error;
        this.#later();
        return;
      }
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
    if (this.#waiting.length > 0) this.#soon();
  }

  /** One transaction with the oldest writes. Returns what settles each of them, to be called after the commit. */
  #commitTogether(): (() => void)[] {
    const settle: (() => void)[] = [];
    const group = this.#waiting.slice(0, largestGroup);
    this.#transaction.begin(group.every(({ mayBeLost }) => mayBeLost));
    for (const { work, resolve, reject } of group) {
      try {
        const value = work() as never;
        settle.push(() => resolve(value));
      } catch (error) {
        if (this.#transaction.isBusy(error) || this.#transaction.isFatal(error)) throw error;
        settle.push(() => reject(error));
      }
    }
    this.#transaction.commit();
    return settle;
  }

  #later(): void {
    this.#scheduled = true;
    const pause = 1 + Math.random() * Math.min(2 ** this.#attempts++, longestPauseMs);
    const left = (this.#waiting[0]?.giveUpAt ?? 0) - performance.now();
    setTimeout(() => this.#flush(), Math.max(0, Math.min(pause, left)));
  }

  // The caller has been told, or is about to give up: such a write must not be applied any more.
  #rejectOverdue(): void {
    const now = performance.now();
    while ((this.#waiting[0]?.giveUpAt ?? Number.POSITIVE_INFINITY) <= now) {
      this.#waiting.shift()?.reject(this.#busy ?? overdue());
    }
    if (this.#waiting.length === 0) this.#attempts = 0;
  }
}

function overdue(): Error {
  const message = 'A write was given up before it was tried: this process was busy for too long.';
  return Object.assign(new Error(message), { code: 'SQLITE_BUSY' });
}
