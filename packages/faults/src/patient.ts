import type { SessionsConfig } from '@coatcheck/config';

/** The configuration for tests of who wins, not of how fast the machine is: nothing times out. */
export function patient(
  config: Omit<SessionsConfig, 'secretKey'>,
): Omit<SessionsConfig, 'secretKey'> {
  const { engine, db, cache } = config;
  return {
    ...config,
    operationTimeoutMs: 30_000,
    ...(db && { db: { ...db, timeoutMs: 25_000, busyTimeoutMs: 25_000 } }),
    ...(cache && engine === 'cached_db' && { cache: { ...cache, timeoutMs: 20_000 } }),
  };
}
