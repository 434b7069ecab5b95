import {
  EXPIRY_ENTRY,
  type Expiry,
  type ExpiryOptions,
  expiresAtBrowserClose,
  expiryDate,
  storedExpiry,
} from './expiry.ts';
import { createdAtIn, earliest, expirySettings, limitedAge } from './session-lifetime.ts';
import type { SessionState } from './session-state.ts';

// The expiry of an open session: what the methods of `SessionStore` with these names do.

export function setExpiry(state: SessionState, value: Expiry): void {
  if (value === null) {
    if (state.changing().delete(EXPIRY_ENTRY)) state.markModified();
    return;
  }
  const { settings } = state;
  const stored = storedExpiry(value, settings, settings.now());
  state.changing().set(EXPIRY_ENTRY, stored);
  state.markModified();
}

export function getExpiryAge(state: SessionState, options: ExpiryOptions): number {
  const { settings } = state;
  const modification = options.modification ?? settings.now();
  const stored = storedIn(state, options);
  return limitedAge(stored, modification, createdAt(state, modification), settings);
}

export function getExpiryDate(state: SessionState, options: ExpiryOptions): Date {
  const { settings } = state;
  const modification = options.modification ?? settings.now();
  const date = expiryDate(storedIn(state, options), modification, expirySettings(settings));
  return earliest(date, modification, createdAt(state, modification), settings);
}

export function getExpireAtBrowserClose(state: SessionState): boolean {
  return expiresAtBrowserClose(storedIn(state, {}), expirySettings(state.settings));
}

function storedIn(state: SessionState, options: ExpiryOptions): unknown {
  return 'expiry' in options ? options.expiry : state.reading().peek(EXPIRY_ENTRY);
}

function createdAt({ session }: SessionState, modification: Date): number {
  return createdAtIn(session) ?? Math.floor(modification.getTime() / 1000);
}
