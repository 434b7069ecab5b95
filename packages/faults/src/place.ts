import type { SessionsConfig } from '@coatcheck/config';
import type { TcpProxy } from '@coatcheck/test-support';

/** A server that can be broken. */
export interface FaultyServer {
  /** Stops all its processes, which keep their connections. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again, with what it kept; resolves when it answers. */
  start(): Promise<void>;
  /** Answers nobody for a time, by itself; where the server can do that. */
  readonly hang?: (ms: number) => Promise<void>;
}

/** A disk that can be filled. */
export interface FaultyDisk {
  fill(): void;
  free(): void;
}

/** Where sessions live, and what can be done to it. */
export interface Place {
  readonly name: string;
  /** Why its tests cannot run; `undefined` when they can. */
  readonly missing: string | undefined;
  /** Whether a read may show what was there before, for a while, after a process died (cached_db). */
  readonly mayBeStale: boolean;
  readonly server: FaultyServer | undefined;
  /** Between the site and the server. */
  readonly proxy: TcpProxy | undefined;
  readonly disk: FaultyDisk | undefined;
  /** How a site uses it, once it is open. */
  config(): Omit<SessionsConfig, 'secretKey'>;
  /** How to look at what is really there: past a cache. */
  originalConfig(): Omit<SessionsConfig, 'secretKey'>;
  open(): Promise<void>;
  close(): Promise<void>;
}
