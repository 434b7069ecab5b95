import type { SessionInspector } from '@coatcheck/core';
import type { Selection } from './selection.ts';

/** How sessions are ended. */
export interface EndingOptions {
  readonly batchSize?: number | undefined;
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the number read so far; the next one waits for what it returns. */
  readonly onProgress?: ((read: number) => Promise<void> | void) | undefined;
}

/** Sessions ended at once. */
const AT_ONCE = 20;

/** Reads every session and ends those that are meant, as they are by then; returns how many. */
export async function endSessions(
  inspector: SessionInspector,
  isMeant: Selection,
  { batchSize, dryRun = false, signal, onProgress }: EndingOptions = {},
): Promise<number> {
  const meant = new Set<string>();
  let read = 0;
  let ended = 0;
  for await (const { sessions } of inspector.scan({ batchSize, signal })) {
    // Where a place has no order, a session may be met twice.
    const found = sessions.filter((session) => isMeant(session) && !meant.has(session.key));
    for (const { key } of found) meant.add(key);
    for (let start = 0; start < found.length && !signal?.aborted; start += AT_ONCE) {
      const some = found.slice(start, start + AT_ONCE);
      const results = dryRun
        ? some.map(() => true)
        : await Promise.all(some.map((session) => inspector.revoke(session, isMeant)));
      ended += results.filter(Boolean).length;
    }
    read += sessions.length;
    await onProgress?.(read);
  }
  return ended;
}
