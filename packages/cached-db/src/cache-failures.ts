import { channel } from 'node:diagnostics_channel';

/** Hears what was wrong with a cache. */
export type CacheFailure = (error: unknown) => void;

/** Publishes failures on a channel of `node:diagnostics_channel`, and tells whoever listens. */
export function tellFailures(name: string, listener: CacheFailure): CacheFailure {
  // Kept: one that is collected and made anew may lose its subscribers (Node 20).
  const failures = channel(name);
  return (error) => {
    failures.publish({ cause: error });
    try {
      listener(error);
    } catch {
      // A listener that throws never breaks what it listens to.
    }
  };
}

/** Warns of failures on the process, once a minute at most. */
export function warning(code: string, message: (cause: string) => string): CacheFailure {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (performance.now() - warnedAt < 60_000) return;
    warnedAt = performance.now();
    const { code: cause = 'no code' } = (error ?? {}) as { code?: unknown };
    process.emitWarning(message(String(cause)), { code });
  };
}
