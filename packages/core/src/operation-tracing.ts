import { tracingChannel } from 'node:diagnostics_channel';
import { isPromise } from './awaitable.ts';
import type { Awaitable } from './session-backend.ts';

/** What core asks of a backend, by session and by account. */
export type Operation =
  | 'load'
  | 'create'
  | 'update'
  | 'touch'
  | 'delete'
  | 'note'
  | 'noted'
  | 'forget';

/** What subscribers of the tracing channel `coatcheck:operation` are told; one object per call of a backend. */
export interface OperationTrace {
  readonly operation: Operation;
  /** The class of the backend. */
  readonly backend: string;
  /** A keyed digest of the key, as in events. */
  readonly session: string;
  /** What the call failed with, from the event `error` on. `CreateError` and `UpdateError` are answers. */
  error?: unknown;
}

const channels = tracingChannel<unknown, OperationTrace>('coatcheck:operation');

/** Whether anybody listens; if not, tracing costs nothing. */
export function isTraced(): boolean {
  return channels.hasSubscribers;
}

/**
 * Publishes `start`, perhaps `error`, `end`, and in any case `asyncStart` and `asyncEnd`, which follow at once where the
 * answer comes at once. What came back is not published: it holds keys and data.
 */
export function traced<T>(trace: OperationTrace, run: () => Awaitable<T>): Awaitable<T> {
  const failed = (error: unknown): void => {
    trace.error = error;
    channels.error.publish(trace);
  };
  const settled = (): void => {
    channels.asyncStart.publish(trace);
    channels.asyncEnd.publish(trace);
  };
  return channels.start.runStores(trace, () => {
    let answer: Awaitable<T>;
    try {
      answer = run();
    } catch (error) {
      failed(error);
      channels.end.publish(trace);
      settled();
      throw error;
    }
    channels.end.publish(trace);
    if (!isPromise(answer)) {
      settled();
      return answer;
    }
    return answer.then(
      (value) => {
        settled();
        return value;
      },
      (error: unknown) => {
        failed(error);
        settled();
        throw error;
      },
    );
  });
}
