import type { SessionStore, Sessions } from '@coatcheck/core';
import type { EventLog, LoggedEvent } from './event-log.ts';
import type { ShopSession } from './shop-context.ts';

/** What may be seen of a session: never its key, nor what proves something to the server. */
export interface SessionFacts {
  readonly digest: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly ageInSeconds: number;
  readonly expiresAt: Date;
  readonly endsWithBrowser: boolean;
  readonly events: readonly LoggedEvent[];
}

/** Stands in the data for what is kept to the server. */
export const HIDDEN = '••••••••';

const secrets: ReadonlySet<string> = new Set(['_csrftoken', '_auth_user_hash']);

/** What may be seen of a loaded session; `undefined` where there is none. */
export function factsOf(
  session: SessionStore<ShopSession>,
  sessions: Sessions<ShopSession>,
  log: EventLog,
): SessionFacts | undefined {
  const { sessionKey } = session;
  if (sessionKey === null) return undefined;
  const digest = sessions.events.digest(sessionKey);
  const entries = [...session.entries()] as readonly (readonly [string, unknown])[];
  return {
    digest,
    data: Object.fromEntries(
      entries.map(([key, value]) => [key, secrets.has(key) ? HIDDEN : value]),
    ),
    ageInSeconds: session.getExpiryAge(),
    expiresAt: session.getExpiryDate(),
    endsWithBrowser: session.getExpireAtBrowserClose(),
    events: log.of(digest),
  };
}
