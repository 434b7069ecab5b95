import type { SessionsConfig } from '@coatcheck/config';

/** What the processes of the suite sign with. */
export const SECRET_KEY = 'k3Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

/** What a site is told when it starts. */
export interface SiteSettings {
  readonly config: Omit<SessionsConfig, 'secretKey' | 'now'>;
  /** Whether it logs nothing, where so much happens that this would be all it does. @default false */
  readonly isQuiet?: boolean;
  /** Files and connections that it may have open. @default as many as the suite */
  readonly mostFiles?: number;
}

/** What a running site is told. */
export type SiteCommand = { readonly clockOffsetMs: number } | { readonly report: true };

/** What a site says of itself. */
export interface SiteReport {
  /** Rejections and exceptions that nobody handled. */
  readonly unhandled: readonly string[];
  /** Warnings of Node, such as listeners that are never removed. */
  readonly warnings: readonly string[];
  /** Events of the sessions, by name; those with a reason also as `name: reason`. */
  readonly events: Readonly<Record<string, number>>;
  /** Calls of the backend, by name. */
  readonly calls: Readonly<Record<string, number>>;
  readonly rssBytes: number;
  /** The most memory that the process ever had. */
  readonly maxRssBytes: number;
  /** What keeps the process busy: connections, timers, requests. */
  readonly resources: number;
}
