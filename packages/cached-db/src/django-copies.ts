/** Where Django keeps copies of sessions: the cache of its engine `cached_db`. */
export interface DjangoCopies {
  /** Removes the copy of a session that is about to be written, or just was. Rejects unless it is certainly gone. */
  drop(key: string): Promise<void>;

  /** Removes the copies of sessions that were written lately, in case Django put them back. */
  dropAgain(keys: readonly string[]): Promise<void>;

  /** Removes every copy there is; left out where that cannot be done. */
  dropAll?(): Promise<void>;

  /** Waits for calls under way, then releases what was opened. */
  close(): Promise<void>;
}

/** Milliseconds after a write during which Django may put back what it read before: longer than its requests take. */
export const GUARD_MS = 60_000;

/** Calls at a time: functions of the application's may not like more. */
const AT_ONCE = 100;

/** Copies that a function of the application's removes. */
export function copiesDroppedBy(
  drop: (key: string) => Promise<unknown>,
  dropAll?: () => Promise<unknown>,
): DjangoCopies {
  return {
    async drop(key) {
      await drop(key);
    },
    async dropAgain(keys) {
      for (let i = 0; i < keys.length; i += AT_ONCE) {
        await Promise.all(keys.slice(i, i + AT_ONCE).map(drop));
      }
    },
    ...(dropAll && {
      async dropAll() {
        await dropAll();
      },
    }),
    async close() {},
  };
}
