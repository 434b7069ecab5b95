import { CircuitBreaker } from './circuit-breaker.ts';
import { withDeadline } from './deadline.ts';
import { BackendUnavailable, SessionError } from './errors.ts';
import { isTraced, type Operation, type OperationTrace, traced } from './operation-tracing.ts';
import type { Sent } from './redactor.ts';
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
    const era = breaker.begin();
    const began = performance.now();
    const { timeoutMs = this.#timeoutMs } = call;
    const answered = (): void => {
      breaker.answered();
      if (writes) this.#reading.answered();
    };
    const failed = (error: BackendUnavailable, reason: UnavailableReason): BackendUnavailable => {
      const { operation, key } = call;
      const { ambiguous, cause } = error;
      this.#events.tell('unavailable', key, { operation, reason, ambiguous, cause });
      // A write that fails at once, as for want of space, kept nobody waiting, and the next one may succeed.
      const isSlow = reason === 'timeout' || performance.now() - began > timeoutMs / 2;
      if (!writes || isSlow) breaker.failed(era, { reason, cause });
      return error;
    };
    const ending = {
      answered,
      failed: (cause: unknown) => {
        if (!isAnswer(cause))
          return failed(this.#unavailable(cause, sentIn(call), call.operation), reasonOf(cause));
        answered();
        return cause;
      },
      late: () => {
        const message = `The session backend did not answer within ${timeoutMs} ms.`;
        return failed(
          new BackendUnavailable(message, { ambiguous: AMBIGUOUS.has(call.operation) }),
          'timeout',
        );
      },
    };
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
      throw isUnavailable(error)
        ? this.#unavailable(error, {})
        : this.#events.redactor.error(error);
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

  /** A backend may know by itself that it is unavailable, and whether a write was carried out all the same. */
  #unavailable(error: unknown, sent: Sent, operation?: Operation): BackendUnavailable {
    const { redactor } = this.#events;
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
