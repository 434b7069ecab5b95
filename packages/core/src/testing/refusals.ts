import assert from 'node:assert/strict';
import type { Awaitable, StoredSession } from '../session-backend.ts';

/** The fields of core's errors; they are recognised by these, since a backend may come with a copy of core of its own. */
interface Refusal {
  readonly name?: unknown;
  readonly reason?: unknown;
  readonly current?: StoredSession | undefined;
}

/** Fails unless the call is refused with `CreateError`. */
export async function refusedAsTaken(call: Awaitable<unknown>): Promise<void> {
  const { name } = await refusal(call);
  assert.equal(name, 'CreateError');
}

/** Fails unless the call is refused with `UpdateError` `gone`. */
export async function refusedAsGone(call: Awaitable<unknown>): Promise<void> {
  const { name, reason } = await refusal(call);
  assert.deepEqual({ name, reason }, { name: 'UpdateError', reason: 'gone' });
}

/** Fails unless the call is refused with `UpdateError` `changed`; returns what it says is stored now. */
export async function refusedAsChanged(call: Awaitable<unknown>): Promise<StoredSession> {
  const { name, reason, current } = await refusal(call);
  assert.deepEqual({ name, reason }, { name: 'UpdateError', reason: 'changed' });
  assert(current, 'the error has no current record');
  return current;
}

/** Whether the error says that somebody else wrote the record, and what is stored now. */
export function changedTo(error: unknown): StoredSession | undefined {
  const { name, reason, current } = (error ?? {}) as Refusal;
  return name === 'UpdateError' && reason === 'changed' ? current : undefined;
}

/** How the calls ended: those that were done, and the errors of those that were refused. */
export async function outcomes<T>(
  calls: Awaitable<T>[],
): Promise<{ done: T[]; refused: Refusal[] }> {
  const done: T[] = [];
  const refused: Refusal[] = [];
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === 'fulfilled') done.push(outcome.value);
    else refused.push(outcome.reason as Refusal);
  }
  return { done, refused };
}

async function refusal(call: Awaitable<unknown>): Promise<Refusal> {
  const { refused } = await outcomes([call]);
  assert(refused[0], 'the call was not refused');
  return refused[0];
}
