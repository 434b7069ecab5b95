import {
  type AccountIndex,
  type AccountNote,
  type ClientFacts,
  indexesAccounts,
  type NotedSession,
} from './account-index.ts';
import type { BackendCalls } from './backend-calls.ts';
import { type Entries, ROTATED_ENTRY } from './changes.ts';
import { ImproperlyConfigured } from './errors.ts';
import { type EntryReader, entryReader } from './session-attributes.ts';
import type { SessionBackend, SessionRecord } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionPlace } from './session-place.ts';
import type { Settings } from './settings.ts';

/** The account that a session belongs to; `undefined` or `null`: to nobody. Runs at every write. */
export type AccountFunction = (entries: EntryReader) => string | number | bigint | null | undefined;

/** Django's entry for the primary key of who is logged in. */
const USER_ENTRY = '_auth_user_id';
/** A session that is written all the time is noted this often, which is how exact "last seen" is. */
const NOTE_EVERY_MS = 60_000;
/** Sessions whose last note is remembered; forgetting one costs one more note. */
const MOST_REMEMBERED = 10_000;
/** A note is kept this long although nothing is stored: its session may be about to be. */
const SETTLED_AFTER_MS = 60_000;
const LONGEST_ACCOUNT = 255;
const LONGEST_ADDRESS = 45;
const LONGEST_USER_AGENT = 200;

/** Notes sessions under their accounts, and finds them again. */
export class AccountNotes {
  readonly #calls: BackendCalls;
  readonly #place: SessionPlace;
  readonly #index: AccountIndex;
  readonly #settings: Settings;
  readonly #noted = new Map<string, { account: string; at: number }>();

  /** @throws {ImproperlyConfigured} when the backend cannot list. */
  constructor(backend: SessionBackend, calls: BackendCalls, place: SessionPlace) {
    if (!indexesAccounts(backend)) {
      throw new ImproperlyConfigured(
        'account needs an engine that can list the sessions of an account: db, cache or cached_db.',
      );
    }
    this.#calls = calls;
    this.#place = place;
    this.#index = backend;
    this.#settings = place.settings;
  }

  /**
   * Notes the session that is about to be stored, where that is due.
   *
   * @throws {BackendUnavailable} when it could not be noted: it must not be stored then, or nobody would find it.
   */
  async note(
    { key, expiresAt }: SessionRecord,
    entries: Entries,
    client: ClientFacts | undefined,
  ): Promise<void> {
    const account = this.#accountOf(entries);
    if (account === undefined) return;
    const seenAt = this.#settings.now();
    const last = this.#noted.get(key);
    const since = seenAt.getTime() - (last?.at ?? 0);
    if (last?.account === account && since >= 0 && since < NOTE_EVERY_MS) return;
    const note: AccountNote = {
      account,
      key,
      seenAt,
      expiresAt,
      address: shortened(client?.address, LONGEST_ADDRESS),
      userAgent: shortened(client?.userAgent, LONGEST_USER_AGENT),
    };
    const texts = [account, note.address, note.userAgent];
    await this.#calls.make({ operation: 'note', key, texts }, () => this.#index.note(note));
    this.#remember(key, account, seenAt.getTime());
  }

  /** What is noted under the account, with the session of each; without one where there is none of this account. */
  async find(account: string): Promise<{ noted: NotedSession; session?: LoadedSession }[]> {
    const call = { operation: 'noted', key: account } as const;
    const found = await this.#calls.make(call, () => this.#index.noted(account));
    return found.map((noted) => {
      const session = noted.stored && this.#place.peek(noted.stored);
      const isOurs = session && this.#accountOf(session.entries) === account;
      return isOurs ? { noted, session } : { noted };
    });
  }

  /** Drops notes of sessions that are not the account's any more. */
  async forget(account: string, keys: readonly string[]): Promise<void> {
    const unseenSince = new Date(this.#settings.now().getTime() - SETTLED_AFTER_MS);
    const call = { operation: 'forget', key: account } as const;
    await this.#calls.make(call, () => this.#index.forget(account, keys, unseenSince));
  }

  #accountOf(entries: Entries): string | undefined {
    return accountIn(entries, this.#settings);
  }

  #remember(key: string, account: string, at: number): void {
    this.#noted.delete(key);
    this.#noted.set(key, { account, at });
    if (this.#noted.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined) this.#noted.delete(oldest);
  }
}

/** The setting `account`. @throws {ImproperlyConfigured} when it is neither true nor a function. */
export function validateAccount(account: unknown): AccountFunction | undefined {
  if (account === true) return djangoAccount;
  if (account === undefined || typeof account === 'function') {
    return account as AccountFunction | undefined; // what it returns is checked
  }
  throw new ImproperlyConfigured(
    "account must be true, for Django's user, or a function that gets the entries of a session and returns its account, or be left out.",
  );
}

/** Whose session it is: by the setting, else who is logged in as in Django. @throws what the setting's function throws */
export function accountIn(
  entries: Entries,
  { account = djangoAccount, serializer }: Settings,
): string | undefined {
  if (entries.has(ROTATED_ENTRY)) return undefined;
  const found = account(entryReader(entries, serializer));
  return found === undefined || found === null ? undefined : accountText(found);
}

/** What is no id is nobody's: whoever wrote it, the session must go on. */
function djangoAccount(entries: EntryReader): string | number | bigint | undefined {
  const id = entries.get(USER_ENTRY);
  const isId =
    (typeof id === 'string' && isAccountText(id)) ||
    typeof id === 'bigint' ||
    (typeof id === 'number' && Number.isSafeInteger(id));
  return isId ? id : undefined;
}

/** An account as it is stored and asked for. @throws {TypeError} when it is none */
export function accountText(account: unknown): string {
  const isAccount =
    typeof account === 'string' || typeof account === 'bigint' || Number.isSafeInteger(account);
  const text = String(account);
  if (isAccount && isAccountText(text)) return text;
  throw new TypeError(
    `An account is a text of 1 to ${LONGEST_ACCOUNT} characters, a safe integer or a BigInt.`,
  );
}

function isAccountText(text: string): boolean {
  return text !== '' && text.length <= LONGEST_ACCOUNT && !/\p{Surrogate}|\0/u.test(text);
}

/** What a visitor sent, cut and without control characters; never trusted, only shown. */
function shortened(text: string | undefined, longest: number): string | null {
  if (!text) return null;
  return text.replace(/[\p{Cc}\p{Surrogate}]/gu, ' ').slice(0, longest);
}
