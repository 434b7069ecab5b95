import { indexesAccounts } from './account-index.ts';
import { isUpdateError } from './compare-and-set.ts';
import { ImproperlyConfigured } from './errors.ts';
import { movedMarker, moveOf } from './rotation-marker.ts';
import type { SessionBackend } from './session-backend.ts';
import type { SessionEventEmitter } from './session-events.ts';
import { endOfStored } from './session-lifetime.ts';
import type { FoundElsewhere, MoveSource, SessionElsewhere } from './session-moves.ts';
import { type FormerPlace, SessionRecords } from './session-records.ts';
import { type SessionsOptions, validateBackend, validateSettings } from './settings.ts';

/** Where sessions lived until now, and what was different there; everything else is as in the new place. */
export interface MigratingFromOptions {
  readonly backend: SessionBackend;
  /** The secret key that signed the sessions there. @default that of the new place */
  readonly secretKey?: string | undefined;
  /** @default those of the new place; none where `secretKey` is given */
  readonly secretKeyFallbacks?: readonly string[] | undefined;
  /** Whether keys were hashed there. @default as in the new place */
  readonly hashKeys?: boolean | undefined;
}

const KNOWN = new Set(['backend', 'secretKey', 'secretKeyFallbacks', 'hashKeys']);

/** The place that `migratingFrom` names. @throws {ImproperlyConfigured} */
export function openFormer(
  options: SessionsOptions,
  events: SessionEventEmitter,
): FormerSessions | undefined {
  const { migratingFrom, ...here } = options;
  if (migratingFrom === undefined) return undefined;
  if (typeof migratingFrom !== 'object' || migratingFrom === null) {
    throw new ImproperlyConfigured(
      'migratingFrom must be the backend where sessions lived until now, an object such as { backend, secretKey }, or be left out.',
    );
  }
  const given: MigratingFromOptions = isBackend(migratingFrom)
    ? { backend: migratingFrom }
    : migratingFrom;
  const { backend, secretKey } = given;
  for (const name of Object.keys(given)) {
    if (isBackend(migratingFrom) || KNOWN.has(name)) continue;
    throw new ImproperlyConfigured(
      `There is no setting migratingFrom.${name}; it takes ${[...KNOWN].join(', ')}, and all else from the new place.`,
    );
  }
  validateBackend('migratingFrom.backend', backend);
  if (backend === options.backend) {
    throw new ImproperlyConfigured(
      'migratingFrom is the same backend as backend: name the one where sessions lived until now, or leave it out.',
    );
  }
  if (livesInCookie(options.backend)) {
    throw new ImproperlyConfigured(
      'migratingFrom cannot move sessions into cookies, where none could be ended: choose another backend, or leave it out.',
    );
  }
  const settings = validateSettings({
    ...here,
    backend,
    allowWeakSecret: true,
    secretKey: secretKey ?? here.secretKey,
    secretKeyFallbacks:
      given.secretKeyFallbacks ?? (secretKey === undefined ? here.secretKeyFallbacks : []),
    hashKeys: given.hashKeys ?? here.hashKeys,
    // What cannot find the sessions of an account has noted none.
    account: indexesAccounts(backend) ? here.account : undefined,
  });
  return new FormerSessions(new SessionRecords(backend, settings, events), backend);
}

/** The sessions of a place that is migrated from. */
export class FormerSessions implements FormerPlace {
  readonly records: SessionRecords;
  readonly backend: SessionBackend;

  constructor(records: SessionRecords, backend: SessionBackend) {
    this.records = records;
    this.backend = backend;
  }

  sourceOf(key: string): MoveSource {
    return new FormerSession(this.records, key);
  }
}

/** One session of a place that is migrated from. What is left of it there says who has taken it. */
class FormerSession implements MoveSource {
  readonly #records: SessionRecords;
  readonly #key: string;

  constructor(records: SessionRecords, key: string) {
    this.#records = records;
    this.#key = key;
  }

  async look(): Promise<FoundElsewhere | undefined> {
    const found = await this.#records.lookUp(this.#key);
    // What is arriving there has not left here: sessions are being moved back.
    if (!found || found.moving !== undefined) return undefined;
    const { entries, base, signedAt, rotated } = found;
    if (rotated) return moveOf(entries) ?? { cycled: entries };
    const expiresAt = found.expiresAt ?? this.#endOf(found);
    return { session: { entries, base, signedAt, expiresAt } };
  }

  /** The mark stays until the session would have ended: whatever is read late is still told that it has left. */
  async leave({ base, expiresAt }: SessionElsewhere, move: string): Promise<boolean> {
    const { now } = this.#records.settings;
    try {
      await this.#records.writer.retire(this.#key, base, movedMarker(move, expiresAt, now()));
      return true;
    } catch (error) {
      if (!isUpdateError(error)) throw error;
      return false;
    }
  }

  #endOf(found: NonNullable<Awaited<ReturnType<SessionRecords['lookUp']>>>): Date {
    const { settings } = this.#records;
    return endOfStored(found, found.modifiedAt ?? settings.now(), settings);
  }
}

function isBackend(value: SessionBackend | MigratingFromOptions): value is SessionBackend {
  return typeof (value as Partial<SessionBackend>).load === 'function';
}

function livesInCookie({ encoding }: SessionBackend): boolean {
  return encoding !== 'serialized' && (encoding.inCookie ?? false);
}
