import { BackendUnavailable, SessionError } from './errors.ts';
import type { Awaitable } from './session-backend.ts';

/** What happened to a call that did not come back. */
export type Failure = (error: BackendUnavailable) => void;

/**
 * The answer of a backend call, or `BackendUnavailable`: after `timeoutMs`, or when the call failed for a reason of
 * its own. `CreateError`, `UpdateError` and other errors of this package pass.
 *
 * @param writes whether the call may have been applied although it timed out.
 */
export function withDeadline<T>(
  call: () => Awaitable<T>,
  { timeoutMs, writes, failed }: { timeoutMs: number; writes: boolean; failed: Failure },
): Awaitable<T> {
  let isLate = false;
  const unavailable = (cause: unknown): unknown => {
    if (isLate || isAnswer(cause)) return cause;
    const error = asUnavailable(cause);
    failed(error);
    return error;
  };
  let answer: Awaitable<T>;
  try {
    answer = call();
  } catch (cause) {
    throw unavailable(cause);
  }
  if (!isPromise(answer)) return answer;

  const pending = answer;
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      isLate = true;
      const error = new BackendUnavailable(
        `The session backend did not answer within ${timeoutMs} ms.`,
        { ambiguous: writes },
      );
      failed(error);
      reject(error);
    }, timeoutMs);
    pending.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (cause: unknown) => {
        clearTimeout(timer);
        reject(unavailable(cause));
      },
    );
  });
}

/** Whether the value is a promise, of this realm or another. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

/** Whether the backend did answer, by an error of this package. By name as well: it may have a copy of its own. */
function isAnswer(error: unknown): boolean {
  if (error instanceof SessionError) return !(error instanceof BackendUnavailable);
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'CreateError' || name === 'UpdateError';
}

/** A backend may know by itself that it is unavailable, and whether a write was carried out all the same. */
function asUnavailable(cause: unknown): BackendUnavailable {
  if (cause instanceof BackendUnavailable) return cause;
  const { name, ambiguous } = (cause ?? {}) as { name?: unknown; ambiguous?: unknown };
  return new BackendUnavailable('The session backend failed.', {
    cause,
    ambiguous: name === 'BackendUnavailable' && ambiguous === true,
  });
}
