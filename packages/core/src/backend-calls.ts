import { CircuitBreaker } from './circuit-breaker.ts';
import { type Ending, withDeadline } from './deadline.ts';
import { BackendUnavailable, SessionError } from './errors.ts';
import { isTraced, type Operation, type OperationTrace, traced } from './operation-tracing.ts';
import type { Redactor, Sent } from './redactor.ts';
import type { Awaitable, SessionRecord } from './session-backend.ts';
import type { SessionEventEmitter, UnavailableReason } from './session-events.ts';

const READING: ReadonlySet<Operation> = new Set(['load', 'noted']);
/** After a call of these without an answer, nobody knows what is stored. */
const AMBIGUOUS: ReadonlySet<Operation> = new Set(['create', 'update', 'touch', 'delete']);

/** One call of a backend. */
export interface BackendCall {
  readonly operation: Operation;
  /** The key as the visitor has it. */
  readonly key: string;
  /** What is to be written. */
  readonly record?: SessionRecord | undefined;
  /** What is to be replaced or removed. */
  readonly base?: string | undefined;
  /** What else is sent that no log may show. */
  readonly texts?: readonly (string | null)[] | undefined;
  /** Less than what calls usually have, where the caller has waited already. */
  readonly timeoutMs?: number | undefined;
}

/** What the last call before the breaker opened met. */
interface Failure {
  readonly reason: UnavailableReason;
  readonly cause: unknown;
}

/**
 * The calls of one backend: each with a deadline, behind a circuit breaker, and with errors that hold neither keys nor
 * data. What fails is an event.
 */
export class BackendCalls {
  readonly #backend: string;
  readonly #timeoutMs: number;
  readonly #events: SessionEventEmitter;
  // Reading goes on where only writing fails, as on a full disk. Where reading fails, no write is tried either.
  readonly #reading: CircuitBreaker<Failure>;
  readonly #writing: CircuitBreaker<Failure>;

  /** @param backend the name of its class. */
  constructor(backend: string, timeoutMs: number, events: SessionEventEmitter) {
    this.#backend = backend;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#reading = this.#breaker('all');
    this.#writing = this.#breaker('writes');
  }

  /**
   * The answer of the backend; `CreateError`, `UpdateError` and other errors of this package are answers as well.
   *
   * @throws {BackendUnavailable} when the call failed or was not answered in time, or was not made at all, because
   *   those before it were not answered.
   */
  make<T>(call: BackendCall, run: () => Awaitable<T>): Awaitable<T> {
    const writes = !READING.has(call.operation);
    const breaker = writes ? this.#writing : this.#reading;
    if (!breaker.admits || !this.#reading.admits) throw this.#refused(call);
    if (writes) this.#reading.begin();
    const { timeoutMs = this.#timeoutMs } = call;
    const reading = writes ? this.#reading : undefined;
    const ending = new CallEnding(call, timeoutMs, breaker, reading, this.#events);
    return isTraced()
      ? traced(this.#trace(call), () => withDeadline(run, timeoutMs, ending))
      : withDeadline(run, timeoutMs, ending);
  }

  /** The answer of a call that no visitor waits for. @throws what may be seen of the error that it met. */
  async makeAtLeisure<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (isAnswer(error)) throw error;
      const { redactor } = this.#events;
      throw isUnavailable(error) ? unavailable(redactor, error, {}) : redactor.error(error);
    }
  }

  #breaker(affects: 'all' | 'writes'): CircuitBreaker<Failure> {
    return new CircuitBreaker({
      opened: (failure) => this.#events.tell('breakerOpened', undefined, { affects, ...failure }),
      closed: (openMs) => this.#events.tell('breakerClosed', undefined, { affects, openMs }),
    });
  }

  #trace({ operation, key }: BackendCall): OperationTrace {
    return { operation, backend: this.#backend, session: this.#events.digest(key) };
  }

  /** Nothing was sent, so that nothing can have been done. */
  #refused({ operation, key }: BackendCall): BackendUnavailable {
    const error = new BackendUnavailable(
      'The session backend has not answered the last calls, so it is asked once a second until it does.',
    );
    const { ambiguous } = error;
    const reason = 'breaker open';
    this.#events.tell('unavailable', key, { operation, reason, ambiguous, cause: undefined });
    return error;
  }
}

/** What becomes of one call. A class, not closures: one is made for each call. */
class CallEnding implements Ending {
  readonly #call: BackendCall;
  readonly #timeoutMs: number;
  readonly #breaker: CircuitBreaker<Failure>;
  /** The breaker of what reads, for a call that writes: its answer says that the place answers. */
  readonly #reading: CircuitBreaker<Failure> | undefined;
  readonly #events: SessionEventEmitter;
  readonly #era: number;
  readonly #began = performance.now();

  constructor(
    call: BackendCall,
    timeoutMs: number,
    breaker: CircuitBreaker<Failure>,
    reading: CircuitBreaker<Failure> | undefined,
    events: SessionEventEmitter,
  ) {
    this.#call = call;
    this.#timeoutMs = timeoutMs;
    this.#breaker = breaker;
    this.#reading = reading;
    this.#events = events;
    this.#era = breaker.begin();
  }

  answered(): void {
    this.#breaker.answered();
    this.#reading?.answered();
  }

  failed(cause: unknown): unknown {
    if (isAnswer(cause)) {
      this.answered();
      return cause;
    }
    const call = this.#call;
    const error = unavailable(this.#events.redactor, cause, sentIn(call), call.operation);
    return this.#tell(error, reasonOf(cause));
  }

  late(): unknown {
    const message = `The session backend did not answer within ${this.#timeoutMs} ms.`;
    const ambiguous = AMBIGUOUS.has(this.#call.operation);
    return this.#tell(new BackendUnavailable(message, { ambiguous }), 'timeout');
  }

  #tell(error: BackendUnavailable, reason: UnavailableReason): BackendUnavailable {
    const { operation, key } = this.#call;
    const { ambiguous, cause } = error;
    this.#events.tell('unavailable', key, { operation, reason, ambiguous, cause });
    // A write that fails at once, as for want of space, kept nobody waiting, and the next one may succeed.
    const isSlow = reason === 'timeout' || performance.now() - this.#began > this.#timeoutMs / 2;
    if (!this.#reading || isSlow) this.#breaker.failed(this.#era, { reason, cause });
    return error;
  }
}

/** A backend may know by itself that it is unavailable, and whether a write was carried out all the same. */
function unavailable(
  redactor: Redactor,
  error: unknown,
  sent: Sent,
  operation?: Operation,
): BackendUnavailable {
  if (!isUnavailable(error)) {
    const message = 'The session backend failed.';
    return new BackendUnavailable(message, { cause: redactor.error(error, sent) });
  }
  const { message, ambiguous, cause } = error;
  // A note that may have been made says nothing of the session, which was not sent then.
  const isSession = operation === undefined || AMBIGUOUS.has(operation);
  return new BackendUnavailable(redactor.text(message, sent), {
    ambiguous: isSession && ambiguous === true,
    ...(cause !== undefined && { cause: redactor.error(cause, sent) }),
  });
}

/** Whether the backend did answer, by an error of this package. By name as well: it may have a copy of its own. */
function isAnswer(error: unknown): boolean {
  if (error instanceof SessionError) return !isUnavailable(error);
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'CreateError' || name === 'UpdateError';
}

/** By name, too. */
function isUnavailable(error: unknown): error is BackendUnavailable {
  return (error as { name?: unknown } | undefined | null)?.name === 'BackendUnavailable';
}

/** A driver may have a deadline of its own, shorter than ours. */
function reasonOf(error: unknown): UnavailableReason {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return code === 'ETIMEDOUT' || cause?.code === 'ETIMEDOUT' ? 'timeout' : 'failed';
}

function sentIn({ key, record, base, texts: more = [] }: BackendCall): Sent {
  const values = [record?.data, base, ...Object.values(record?.attributes ?? {}), ...more];
  const texts = values.filter((text) => typeof text === 'string');
  return { key, texts };
}
