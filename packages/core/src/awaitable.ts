import type { Awaitable } from './session-backend.ts';

/** Whether the value is a promise, of this realm or another. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

/** What `then` makes of an answer: at once where it is there. */
export function afterwards<T, Result>(
  answer: Awaitable<T>,
  then: (answer: T) => Awaitable<Result>,
): Awaitable<Result> {
  return isPromise(answer) ? answer.then(then) : then(answer);
}

/**
 * What `then` makes of the answer of a call, or `otherwise` of its error: at once where the call answers at once, so
 * that nobody pays for promises there. Measured: a write in memory allocated 20 KB with promises all the way, 14 without.
 */
export function whenAnswered<T, Result>(
  call: () => Awaitable<T>,
  then: (answer: T) => Awaitable<Result>,
  otherwise: (error: unknown) => Awaitable<Result>,
): Awaitable<Result> {
  let answer: Awaitable<T>;
  try {
    answer = call();
  } catch (error) {
    return otherwise(error);
  }
  return isPromise(answer) ? answer.then(then, otherwise) : then(answer);
}
