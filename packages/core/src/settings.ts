import { type AccountFunction, validateAccount } from './account-notes.ts';
import { ImproperlyConfigured } from './errors.ts';
import { DEEPEST_JSON } from './json-scanner.ts';
import type { MigratingFromOptions } from './migrating-from.ts';
import { choice, describe, flag, positive, seconds } from './option-readers.ts';
import { hideSecrets, validateSecretKey } from './secret-key.ts';
import { bigIntSerializer, jsonSerializer, type Serializer } from './serializers.ts';
import type { AttributesFunction } from './session-attributes.ts';
import type { SessionBackend } from './session-backend.ts';
import { type CookieOptions, type CookieSettings, validateCookie } from './session-cookie.ts';
import { isTimeZone } from './time-zone.ts';

/** What `createSessions` takes. Every option but `backend` and `secretKey` has Django's default. */
export interface SessionsOptions {
  /** Where sessions live. Django: `SESSION_ENGINE`. */
  readonly backend: SessionBackend;
  /**
   * Where sessions lived until now: each is moved to `backend` when it is first used, so that nobody is logged out. The
   * backend, or an object of it and of what else was different there.
   */
  readonly migratingFrom?: SessionBackend | MigratingFromOptions | undefined;
  /** Signs what is stored: at least 32 characters, 5 of them distinct, and no placeholder. Django: `SECRET_KEY`. */
  readonly secretKey: string;
  /**
   * Former secret keys: they verify and never sign; what only they verify is signed anew at its next write.
   * Django: `SECRET_KEY_FALLBACKS`.
   */
  readonly secretKeyFallbacks?: readonly string[] | undefined;
  /** Accepts a weak `secretKey`; for tests. @default false */
  readonly allowWeakSecret?: boolean | undefined;
  /** Turns the value of an entry into JSON text and back. Django: `SESSION_SERIALIZER`. @default JSON */
  readonly serializer?: Serializer | undefined;
  /**
   * JSON: integers beyond 2^53 (`Number.MAX_SAFE_INTEGER`) are read as BigInts instead of the nearest number, and
   * BigInts are written as integers; one within 2^53 reads back as a number. @default false
   */
  readonly bigInts?: boolean | undefined;
  readonly cookie?: CookieOptions | undefined;
  /** Sessions without an expiry of their own end with the browser. Django: `SESSION_EXPIRE_AT_BROWSER_CLOSE`. @default false */
  readonly expireAtBrowserClose?: boolean | undefined;
  /** Renews the session and its cookie at every request that has one. Django: `SESSION_SAVE_EVERY_REQUEST`. @default false */
  readonly saveEveryRequest?: boolean | undefined;
  /** Seconds since the last activity after which a session ends. @default none */
  readonly idleTimeout?: number | undefined;
  /** Seconds between two renewals of an idle timeout. @default idleTimeout / 10 */
  readonly touchEvery?: number | undefined;
  /** Seconds since its creation after which a session ends, whatever it does. @default none */
  readonly absoluteTimeout?: number | undefined;
  /** Backends get the SHA-256 of the key, so that a stolen store holds no live keys. Django cannot share it. @default false */
  readonly hashKeys?: boolean | undefined;
  /**
   * Whose session it is, so that `sessions.of(account)` finds it: a function of the entries, or `true` for the user who
   * is logged in as in Django (`_auth_user_id`). Sessions are then noted in a table or set beside them.
   *
   * @default none
   */
  readonly account?: true | AccountFunction | undefined;
  /** What the backend keeps beside each session, computed from it: an account, say. @default nothing */
  readonly attributes?: AttributesFunction | undefined;
  /** The `TIME_ZONE` of a Django with `USE_TZ` off that shares the sessions. @default none: dates carry an offset */
  readonly timeZone?: string | undefined;
  /**
   * Set where a Django 3.2 shares the sessions: it reads no dates in JSON, so that expiry dates are stored as seconds,
   * and wants CSRF secrets masked. @default none: the forms of Django 4.1 and later
   */
  readonly django?: '3.2' | undefined;
  /** Milliseconds that each call of the backend may take. @default 1000 */
  readonly operationTimeoutMs?: number | undefined;
  /** Bytes of JSON, before compression. @default 65536 */
  readonly maxDataBytes?: number | undefined;
  /** Nesting of objects and arrays. @default 64 */
  readonly maxDepth?: number | undefined;
  /** Members of objects and elements of arrays, all levels together. @default 10000 */
  readonly maxEntries?: number | undefined;
  /** When a session ended while a request used it: answer 400, or drop what the request changed. @default 'error' */
  readonly onInterrupted?: 'error' | 'discard' | undefined;
  /** When the backend does not answer: answer 503, or read an empty session and refuse to change it. @default 'error' */
  readonly onUnavailable?: 'error' | 'anonymous' | undefined;
  /** The clock, for tests. */
  readonly now?: (() => Date) | undefined;
}

/** Settings after validation: every default filled in. */
export interface Settings {
  readonly secretKey: string;
  readonly secretKeyFallbacks: readonly string[];
  readonly serializer: Serializer;
  readonly bigInts: boolean;
  readonly cookie: CookieSettings;
  readonly expireAtBrowserClose: boolean;
  readonly saveEveryRequest: boolean;
  readonly idleTimeout: number | undefined;
  readonly touchEvery: number;
  readonly absoluteTimeout: number | undefined;
  readonly hashKeys: boolean;
  readonly account: AccountFunction | undefined;
  readonly attributes: AttributesFunction | undefined;
  readonly timeZone: string | undefined;
  readonly django: '3.2' | undefined;
  readonly operationTimeoutMs: number;
  readonly maxDataBytes: number;
  readonly maxDepth: number;
  readonly maxEntries: number;
  readonly onInterrupted: 'error' | 'discard';
  readonly onUnavailable: 'error' | 'anonymous';
  readonly now: () => Date;
}

const KNOWN = new Set<string>([
  ...[
    'backend',
    'migratingFrom',
    'secretKey',
    'secretKeyFallbacks',
    'allowWeakSecret',
    'serializer',
    'bigInts',
    'cookie',
  ],
  ...['expireAtBrowserClose', 'saveEveryRequest', 'idleTimeout', 'touchEvery', 'absoluteTimeout'],
  ...[
    'hashKeys',
    'timeZone',
    'django',
    'operationTimeoutMs',
    'maxDataBytes',
    'maxDepth',
    'maxEntries',
  ],
  ...['onInterrupted', 'onUnavailable', 'account', 'attributes', 'now'],
]);
/** More, and Node's timers fire at once. */
const MOST_TIMER_MS = 2_147_483_647;
const BACKEND_METHODS = [
  'load',
  'create',
  'update',
  'touch',
  'delete',
  'clearExpired',
  'close',
] as const;

/** @throws {ImproperlyConfigured} naming the first setting that is missing or wrong, and the remedy. */
export function validateSettings(options: SessionsOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new ImproperlyConfigured(
      'createSessions takes an object with at least backend and secretKey.',
    );
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) {
      throw new ImproperlyConfigured(
        `There is no setting ${name}; see docs/settings.md for those that exist.`,
      );
    }
  }
  validateBackend('backend', options.backend);
  const {
    secretKeyFallbacks = [],
    serializer: given = jsonSerializer,
    attributes,
    timeZone,
    django,
    now = () => new Date(),
  } = options;
  const secretKey = validateSecretKey(options.secretKey, flag(options, 'allowWeakSecret'));
  if (
    !Array.isArray(secretKeyFallbacks) ||
    !secretKeyFallbacks.every((key) => typeof key === 'string' && key)
  ) {
    throw new ImproperlyConfigured(
      'secretKeyFallbacks must be a list of former secret keys, none of them empty.',
    );
  }
  if (typeof given?.dumps !== 'function' || typeof given?.loads !== 'function') {
    throw new ImproperlyConfigured(
      'serializer must have two functions, dumps(value) and loads(text).',
    );
  }
  if (timeZone !== undefined && (typeof timeZone !== 'string' || !isTimeZone(timeZone))) {
    throw new ImproperlyConfigured(
      'timeZone must be the name of a time zone, such as "Europe/Berlin", or be left out.',
    );
  }
  if (django !== undefined && django !== '3.2') {
    throw new ImproperlyConfigured(
      `django must be '3.2' where a Django 3.2 shares the sessions, or be left out, not ${describe(django)}.`,
    );
  }
  if (attributes !== undefined && typeof attributes !== 'function') {
    throw new ImproperlyConfigured(
      'attributes must be a function that gets the entries of a session and returns an object, or be left out.',
    );
  }
  if (typeof now !== 'function') {
    throw new ImproperlyConfigured('now must be a function that returns a Date.');
  }
  const bigInts = flag(options, 'bigInts');
  const idleTimeout = seconds(options, 'idleTimeout');
  const touchEvery = seconds(options, 'touchEvery') ?? (idleTimeout ?? 0) / 10;
  if (options.touchEvery !== undefined && touchEvery >= (idleTimeout ?? 0)) {
    throw new ImproperlyConfigured(
      'touchEvery must be less than idleTimeout, or active visitors are logged out.',
    );
  }
  const settings: Settings = {
    secretKey,
    secretKeyFallbacks: [...secretKeyFallbacks],
    serializer: bigInts && given === jsonSerializer ? bigIntSerializer : given,
    bigInts,
    cookie: validateCookie(options.cookie ?? {}),
    expireAtBrowserClose: flag(options, 'expireAtBrowserClose'),
    saveEveryRequest: flag(options, 'saveEveryRequest'),
    idleTimeout,
    touchEvery,
    absoluteTimeout: seconds(options, 'absoluteTimeout'),
    hashKeys: flag(options, 'hashKeys'),
    account: validateAccount(options.account),
    attributes,
    timeZone,
    django,
    operationTimeoutMs: positive(options, 'operationTimeoutMs', 1000, { most: MOST_TIMER_MS }),
    maxDataBytes: positive(options, 'maxDataBytes', 65_536, { whole: true }),
    maxDepth: positive(options, 'maxDepth', 64, { whole: true, most: DEEPEST_JSON }),
    maxEntries: positive(options, 'maxEntries', 10_000, { whole: true }),
    onInterrupted: choice(options, 'onInterrupted', ['error', 'discard']),
    onUnavailable: choice(options, 'onUnavailable', ['error', 'anonymous']),
    now,
  };
  return Object.freeze(hideSecrets(settings, 'secretKey', 'secretKeyFallbacks'));
}

/** @throws {ImproperlyConfigured} naming what the backend lacks. */
export function validateBackend(name: string, backend: unknown): asserts backend is SessionBackend {
  const candidate = backend as Partial<SessionBackend> | undefined | null;
  const missing = BACKEND_METHODS.find((method) => typeof candidate?.[method] !== 'function');
  if (missing || candidate?.encoding === undefined) {
    throw new ImproperlyConfigured(
      `${name} must be a session backend, such as createBackend() of @coatcheck/db returns; ${missing ?? 'encoding'} is missing.`,
    );
  }
  if (!['synchronously', 'later'].includes(candidate.answers as string)) {
    throw new ImproperlyConfigured(
      `${name} must say how it answers: its property answers is 'synchronously' or 'later'.`,
    );
  }
}
