import type { StoredSession } from './session-backend.ts';

/** The base of every error that Coatcheck throws on purpose. Messages never contain a session key, its data or a secret. */
export class SessionError extends Error {
  override readonly name: string = 'SessionError';
}

/** A setting is missing or wrong; the message names the setting and the remedy. Django: `ImproperlyConfigured`. */
export class ImproperlyConfigured extends SessionError {
  override readonly name: string = 'ImproperlyConfigured';
}

/** `create` met a record that has this key already. Django: `CreateError`. */
export class CreateError extends SessionError {
  override readonly name: string = 'CreateError';

  constructor(message: string = 'A session with this key exists already.', options?: ErrorOptions) {
    super(message, options);
  }
}

/** An update did not find what it was to replace. Django: `UpdateError`. */
export class UpdateError extends SessionError {
  override readonly name: string = 'UpdateError';
  /** `gone`: no live record has the key. `changed`: somebody else wrote it since it was loaded. */
  readonly reason: 'gone' | 'changed';
  // Private, for logs show whatever an error has.
  readonly #current: StoredSession | undefined;

  constructor(
    reason: 'gone' | 'changed',
    current?: StoredSession,
    message: string = reason === 'gone'
      ? 'The session no longer exists.'
      : 'The session was changed since it was loaded.',
  ) {
    super(message);
    this.reason = reason;
    this.#current = current;
  }

  /** What is stored now; present when the reason is `changed`. */
  get current(): StoredSession | undefined {
    return this.#current;
  }
}

/**
 * The session ended, or its key was cycled, while this request was using it; nothing was saved.
 * Answered with status 400, as in Django (`SessionInterrupted`, a `BadRequest`).
 */
export class SessionInterrupted extends UpdateError {
  override readonly name = 'SessionInterrupted';
  readonly status = 400;
  readonly expose = true;
  /** Whether the key was cycled, so that the session lives on under another one. */
  readonly isCycled: boolean;

  constructor({ isCycled = false }: { readonly isCycled?: boolean } = {}) {
    super(
      'gone',
      undefined,
      "The request's session was deleted before the request completed. The user may have logged out in a concurrent request, for example.",
    );
    this.isCycled = isCycled;
  }
}

/** Other writers were faster for ten seconds; nothing was saved, and the request may be repeated. Status 503. */
export class SessionConflict extends SessionError {
  override readonly name = 'SessionConflict';
  readonly status = 503;
}

/** The session was used before it was loaded; `await session.load()` first. */
export class SessionNotLoaded extends SessionError {
  override readonly name = 'SessionNotLoaded';

  constructor(message: string = 'The session is not loaded yet: call await session.load() first.') {
    super(message);
  }
}

/** A change came after the session was committed, or where no change is allowed. */
export class SessionClosed extends SessionError {
  override readonly name = 'SessionClosed';

  constructor(
    message: string = 'The session of this request is committed and cannot be changed any more; a job that outlives the request opens its own with sessions.open(key).',
  ) {
    super(message);
  }
}

/** The session's data exceeds a limit; nothing was saved and the old data are intact. */
export class SessionTooLarge extends SessionError {
  override readonly name = 'SessionTooLarge';
}

/** The place where sessions live did not answer, or refused to. Status 503. */
export class BackendUnavailable extends SessionError {
  override readonly name = 'BackendUnavailable';
  readonly status = 503;
  /** Whether a write may have been applied all the same (it timed out); such a write is never repeated by itself. */
  readonly ambiguous: boolean;

  constructor(message: string, options?: ErrorOptions & { ambiguous?: boolean }) {
    super(message, options);
    this.ambiguous = options?.ambiguous ?? false;
  }
}

/** A key has characters that a session key never has. Django: `InvalidSessionKey`. */
export class InvalidSessionKey extends SessionError {
  override readonly name = 'InvalidSessionKey';
}

/** Bytes that claim to be a session are not one: corrupt, foreign or hostile. Visitors get an empty session instead. */
export class SuspiciousSession extends SessionError {
  override readonly name = 'SuspiciousSession';
}

/** A signature is missing or does not match. Django: `django.core.signing.BadSignature`. */
export class BadSignature extends SessionError {
  override readonly name: string = 'BadSignature';
}

/** The signature is right, but older than allowed. Django: `django.core.signing.SignatureExpired`. */
export class SignatureExpired extends BadSignature {
  override readonly name = 'SignatureExpired';
}
