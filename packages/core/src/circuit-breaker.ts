/** Failures one after the other at which a place counts as unavailable. */
const FAILURES = 5;
/** Milliseconds between two calls that are let through to a place that counts as unavailable. */
const PROBE_EVERY_MS = 1000;
/** Milliseconds until the first of them: what broke every connection at once may be over at once. */
const FIRST_PROBE_MS = 100;

/** Who is told, and what differs from the usual figures. */
export interface CircuitBreakerOptions<Failure> {
  /** @param failure what became of the last call. */
  readonly opened?: ((failure: Failure) => void) | undefined;
  /** @param openMs milliseconds for which it was open. */
  readonly closed?: ((openMs: number) => void) | undefined;
  /** @default 5 */
  readonly failures?: number | undefined;
  /** Milliseconds that never run backwards. @default `performance.now` */
  readonly clock?: (() => number) | undefined;
}

/**
 * Keeps callers from waiting for a place that does not answer: after five failures in a row it opens, and lets one
 * call a second through as a probe; the first call that is answered closes it. Starts no timers.
 */
export class CircuitBreaker<Failure = unknown> {
  readonly #options: CircuitBreakerOptions<Failure>;
  readonly #mostFailures: number;
  readonly #clock: () => number;
  #failures = 0;
  #openedAt: number | undefined;
  #nextProbeAt = 0;
  /** Counts openings and closings, so that calls begun before the last one do not count as failures after it. */
  #era = 0;

  constructor(options: CircuitBreakerOptions<Failure> = {}) {
    const { failures = FAILURES, clock = () => performance.now() } = options;
    this.#options = options;
    this.#mostFailures = failures;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  /** Whether a call may be made now. */
  get admits(): boolean {
    return this.#openedAt === undefined || this.#clock() >= this.#nextProbeAt;
  }

  /** A call is about to be made. Returns what `failed` has to be told. */
  begin(): number {
    if (this.#openedAt !== undefined) this.#nextProbeAt = this.#clock() + PROBE_EVERY_MS;
    return this.#era;
  }

  /** A call was answered. */
  answered(): void {
    this.#failures = 0;
    if (this.#openedAt === undefined) return;
    const openMs = this.#clock() - this.#openedAt;
    this.#openedAt = undefined;
    this.#era += 1;
    this.#options.closed?.(openMs);
  }

  /** A call was not answered, or by an error of the place. @param era what `begin` returned for it. */
  failed(era: number, failure: Failure): void {
    if (this.#openedAt !== undefined || era !== this.#era) return;
    this.#failures += 1;
    if (this.#failures < this.#mostFailures) return;
    this.#failures = 0;
    this.#openedAt = this.#clock();
    this.#nextProbeAt = this.#openedAt + FIRST_PROBE_MS;
    this.#era += 1;
    this.#options.opened?.(failure);
  }
}
