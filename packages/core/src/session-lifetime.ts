import { CREATED_ENTRY, type Entries, NO_ENTRIES } from './changes.ts';
import { EXPIRY_ENTRY, type ExpirySettings, expiryAge, expiryDate, expiryFor32 } from './expiry.ts';
import { endOfMarker } from './rotation-marker.ts';
import { jsonSerializer } from './serializers.ts';
import type { LoadedSession } from './session-codec.ts';
import type { Settings } from './settings.ts';

/** Milliseconds by which the clock that ended a marker may be ahead of ours, or behind. */
const CLOCKS_APART_MS = 600_000;

/** The settings that Django's own expiry rules depend on. */
export function expirySettings({
  cookie,
  expireAtBrowserClose,
  timeZone,
}: Settings): ExpirySettings {
  return { age: cookie.age, expireAtBrowserClose, timeZone };
}

/**
 * When a session with these entries ends, if last active at `modification`: the earliest of its three limits. A stored
 * expiry that cannot be read counts as none: whoever wrote it, the session must neither fail nor live for ever.
 */
export function endOfSession(
  entries: Entries,
  modification: Date,
  settings: Settings,
  createdAt?: number | undefined,
): Date {
  // What is left of a cycled key is no session that anybody could use or leave idle.
  const marked = endOfMarker(entries);
  if (marked) return marked;
  const own = ownEnd(entries.get(EXPIRY_ENTRY), modification, expirySettings(settings));
  if (settings.absoluteTimeout === undefined)
    return earliest(own, modification, undefined, settings);
  return earliest(own, modification, createdAt ?? createdAtOf(entries), settings);
}

function ownEnd(stored: string | undefined, modification: Date, settings: ExpirySettings): Date {
  try {
    const expiry = stored === undefined ? undefined : jsonSerializer.loads(stored);
    return expiryDate(expiry, modification, settings);
  } catch {
    return expiryDate(undefined, modification, settings);
  }
}

/** `date`, unless the idle or the absolute timeout comes first. */
export function earliest(
  date: Date,
  modification: Date,
  createdAt: number | undefined,
  { idleTimeout, absoluteTimeout }: Settings,
): Date {
  if (idleTimeout === undefined && absoluteTimeout === undefined) return date;
  let end = date.getTime();
  if (idleTimeout !== undefined) end = Math.min(end, modification.getTime() + idleTimeout * 1000);
  if (absoluteTimeout !== undefined && createdAt !== undefined) {
    end = Math.min(end, (createdAt + absoluteTimeout) * 1000);
  }
  return new Date(end);
}

/** Seconds from `modification` until a session with this stored expiry ends, by the earliest of its three limits. */
export function limitedAge(
  stored: unknown,
  modification: Date,
  createdAt: number | undefined,
  settings: Settings,
): number {
  const age = expiryAge(stored, modification, expirySettings(settings));
  if (settings.idleTimeout === undefined && settings.absoluteTimeout === undefined) return age;
  const end = new Date(modification.getTime() + age * 1000);
  const limited = earliest(end, modification, createdAt, settings);
  return limited < end ? Math.floor((limited.getTime() - modification.getTime()) / 1000) : age;
}

/** When a session that was found ends, if last active at `modification`; what is none, as one without an expiry. */
export function endOfStored(
  found: LoadedSession | undefined,
  modification: Date,
  settings: Settings,
): Date {
  const createdAt = settings.absoluteTimeout === undefined ? undefined : createdAtIn(found);
  return endOfSession(found?.entries ?? NO_ENTRIES, modification, settings, createdAt);
}

/** Seconds at which the session was created, where that is stored. */
export function createdAtOf(entries: Entries): number | undefined {
  const text = entries.get(CREATED_ENTRY);
  const seconds = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** Seconds at which a session that was found was created: as it says itself, else when it was signed. */
export function createdAtIn(session: LoadedSession | undefined): number | undefined {
  return session && (createdAtOf(session.entries) ?? session.signedAt);
}

/**
 * Entries with the time of creation, where an absolute timeout needs it. A session that has none counts from its
 * signature's timestamp: it was made before the setting, or by Django.
 */
export function withCreation(
  entries: Entries,
  signedAt: number | undefined,
  { absoluteTimeout, now }: Settings,
): Entries {
  if (absoluteTimeout === undefined || entries.has(CREATED_ENTRY)) return entries;
  const createdAt = signedAt ?? Math.floor(now().getTime() / 1000);
  return new Map(entries).set(CREATED_ENTRY, String(createdAt));
}

/** Entries whose expiry every Django that shares the sessions can read; those of a 3.2 must not find a date. */
export function withSharedExpiry(entries: Entries, settings: Settings): Entries {
  const text = settings.django === '3.2' ? entries.get(EXPIRY_ENTRY) : undefined;
  if (text === undefined) return entries;
  const stored = jsonSerializer.loads(text);
  const shared = expiryFor32(stored, expirySettings(settings), settings.now());
  if (Object.is(shared, stored)) return entries;
  const changed = new Map(entries);
  if (shared === undefined) changed.delete(EXPIRY_ENTRY);
  else changed.set(EXPIRY_ENTRY, jsonSerializer.dumps(shared));
  return changed;
}

/** Whether core knows that the session has ended, although the backend still had it. */
export function hasEnded(session: LoadedSession, inCookie: boolean, settings: Settings): boolean {
  if (session.rotated) return isMarkerOver(session, settings);
  const { modifiedAt, signedAt } = session;
  const modification =
    modifiedAt ?? (inCookie && signedAt !== undefined ? new Date(signedAt * 1000) : undefined);
  if (modification) {
    const end = endOfStored(session, modification, settings).getTime();
    const now = settings.now().getTime();
    // To the second, as Django's `max_age`: a cookie that is just as old as it may be is still good.
    return inCookie ? end < now : end <= now;
  }
  const { absoluteTimeout } = settings;
  if (absoluteTimeout === undefined) return false;
  const createdAt = createdAtIn(session);
  return (
    createdAt !== undefined && (createdAt + absoluteTimeout) * 1000 <= settings.now().getTime()
  );
}

/**
 * Where the place knows when a marker ends, that is not asked of clocks which may differ; but a Django that saves at
 * every request keeps markers there.
 */
function isMarkerOver({ entries, modifiedAt }: LoadedSession, settings: Settings): boolean {
  const kept = settings.now().getTime() - endOfSession(entries, settings.now(), settings).getTime();
  return kept >= (modifiedAt ? 0 : CLOCKS_APART_MS);
}

/** Whether an idle timeout has run for long enough that a request should renew it. */
export function needsTouch(session: LoadedSession, settings: Settings): boolean {
  const { idleTimeout, touchEvery, now } = settings;
  if (idleTimeout === undefined) return false;
  const { expiresAt, signedAt } = session;
  const renewed = endOfStored(session, now(), settings).getTime();
  // Where nobody kept when it ends, it was signed or modified when it was last active.
  const lastActive =
    session.modifiedAt ?? (signedAt === undefined ? undefined : new Date(signedAt * 1000));
  const end = expiresAt ?? (lastActive && endOfStored(session, lastActive, settings));
  return end === undefined || renewed - end.getTime() >= touchEvery * 1000;
}

/** Entries as they are stored: with the time of creation, and an expiry that every Django of the settings can read. */
export function completed(
  entries: Entries,
  signedAt: number | undefined,
  settings: Settings,
): Entries {
  return withSharedExpiry(withCreation(entries, signedAt, settings), settings);
}
