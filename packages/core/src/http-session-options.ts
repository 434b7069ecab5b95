import type { ClientFacts } from './account-index.ts';
import type { SessionImporter } from './session-importer.ts';
import type { Settings } from './settings.ts';

/** What a route may choose for itself. */
export interface HttpSessionOptions {
  /** Nothing is fetched before the handler asks with `await session.load()`. @default false */
  readonly lazy?: boolean | undefined;
  /** Whether the request counts as activity for `idleTimeout` and `saveEveryRequest`. @default true */
  readonly touch?: boolean | undefined;
  /** The session can be read and not changed. @default false */
  readonly readOnly?: boolean | undefined;
  /** Kept beside the session for the list of its account, where the settings have accounts. */
  readonly client?: ClientFacts | undefined;
  /** Reads sessions of other frameworks, of visitors who have none here yet. @default none */
  readonly importing?: readonly SessionImporter[] | undefined;
  readonly onInterrupted?: Settings['onInterrupted'] | undefined;
  readonly onUnavailable?: Settings['onUnavailable'] | undefined;
}

/** Whether a request that changes nothing may renew the session. */
export function mayBeRenewed(
  { saveEveryRequest, idleTimeout }: Settings,
  { touch = true }: HttpSessionOptions,
): boolean {
  return touch && (saveEveryRequest || idleTimeout !== undefined);
}
