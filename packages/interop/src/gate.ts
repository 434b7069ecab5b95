/** Holds the page `slow` while the test does something else. */
export class Gate {
  readonly #arrived = new Turns();
  readonly #open = new Turns();

  /** For the page: waits until the test says so. */
  wait(): Promise<void> {
    this.#arrived.give();
    return this.#open.take();
  }

  /** Resolves when a request waits. */
  arrived(): Promise<void> {
    return this.#arrived.take();
  }

  /** Lets one request go on. */
  open(): void {
    this.#open.give();
  }
}

/** A counter that is waited for. */
class Turns {
  #given = 0;
  readonly #waiting: (() => void)[] = [];

  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#given += 1;
  }

  take(): Promise<void> {
    if (this.#given === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#given -= 1;
    return Promise.resolve();
  }
}
