import { isPromise } from './awaitable.ts';
import type { Awaitable } from './session-backend.ts';

/** What becomes of a call; one of these is called, once. */
export interface Ending {
  answered(): void;
  /** Returns the error that the caller gets. */
  failed(cause: unknown): unknown;
  /** The time is up, and whatever comes now is ignored. Returns the error that the caller gets. */
  late(): unknown;
}

/** The answer of a call, which has `timeoutMs` to come; one that comes at once is returned as it is. */
export function withDeadline<T>(
  call: () => Awaitable<T>,
  timeoutMs: number,
  ending: Ending,
): Awaitable<T> {
  let answer: Awaitable<T>;
  try {
    answer = call();
  } catch (cause) {
    throw ending.failed(cause);
  }
  if (!isPromise(answer)) {
    ending.answered();
    return answer;
  }
  const pending = answer;
  return new Promise<T>((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(ending.late());
    }, timeoutMs);
    pending.then(
      (value) => {
        if (isLate) return;
        clearTimeout(timer);
        ending.answered();
        resolve(value);
      },
      (cause: unknown) => {
        if (isLate) return;
        clearTimeout(timer);
        reject(ending.failed(cause));
      },
    );
  });
}
