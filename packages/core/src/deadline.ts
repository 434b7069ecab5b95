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
    if (isLate || isSessionError(cause)) return cause;
    const error = new BackendUnavailable('The session backend failed.', { cause });
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

// By name as well: a backend may come with a copy of this package of its own.
function isSessionError(error: unknown): boolean {
  if (error instanceof SessionError) return true;
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'CreateError' || name === 'UpdateError' || name === 'BackendUnavailable';
}
