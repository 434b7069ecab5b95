/** Runs calls one after the other, whatever their callers await. */
export class Turns {
  #last: Promise<unknown> | undefined;

  /** Runs after everything asked for earlier, whether that failed or not. */
  async take<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const turn = before === undefined ? run() : before.then(run, run);
    this.#last = turn;
    try {
      return await turn;
    } finally {
      if (this.#last === turn) this.#last = undefined;
    }
  }

  /** Waits until nothing is under way. @throws what the last call failed with. */
  async settle(): Promise<void> {
    while (this.#last !== undefined) await this.#last;
  }
}
