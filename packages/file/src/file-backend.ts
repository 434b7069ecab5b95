import {
  type Awaitable,
  type ClearExpiredOptions,
  CreateError,
  type ExpiryReader,
  fileSystemFinding,
  isOverTheNetwork,
  type SafetyFinding,
  type SafetyReporter,
  type ScannedBatch,
  type ScanOptions,
  type SessionBackend,
  SessionError,
  type SessionRecord,
  type SessionScanner,
  type StoredSession,
  UpdateError,
  type Written,
} from '@coatcheck/core';
import { clearExpired } from './clear-expired.ts';
import { atOnce, type FileCalls, onThreads } from './file-calls.ts';
import { hasExactTimes, RecentFiles } from './recent-files.ts';
import { scanFiles } from './scan-files.ts';
import { SessionDirectory } from './session-directory.ts';
import {
  type Content,
  openSessionFile,
  readSessionFile,
  renewSessionFile,
} from './session-file.ts';
import { isThere, SessionFiles } from './session-files.ts';

/** Settings of `fileBackend`. */
export interface FileOptions {
  /**
   * The directory for the files; made with mode 0700 when it is missing and the directory around it is there. There is
   * no default: Django's, the system's directory for temporary files, is open to everybody.
   */
  readonly path: string | URL;
  /** What the names of the files begin with; the same as the cookie's name, as in Django. @default 'sessionid' */
  readonly cookieName?: string | undefined;
  /**
   * Whether files are read and written at once, which takes a quarter of the CPU, or by threads, so that a file system
   * that hangs holds up the requests that need it and no others, and those no longer than `operationTimeoutMs`. What is
   * written waits for the disk on a thread in any case.
   *
   * @default 'synchronously'; 'later' on a network file system (NFS, SMB)
   */
  readonly answers?: 'synchronously' | 'later' | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/** Sessions in files of a directory, under the names and in the format of `django.contrib.sessions.backends.file`. */
export class FileBackend implements SessionBackend, ExpiryReader, SafetyReporter, SessionScanner {
  readonly encoding = { salt: 'django.contrib.sessions.SessionStore' } as const;
  readonly answers: 'synchronously' | 'later';
  readonly #directory: SessionDirectory;
  readonly #files: SessionFiles;
  readonly #calls: FileCalls;
  readonly #now: () => Date;
  #recent: RecentFiles | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  /** The last write of each file that has one under way: within a process, writes of one file take turns. */
  readonly #writes = new Map<string, Promise<unknown>>();
  #endOf: (stored: StoredSession, key?: string) => Date = unknownEnd;
  #closing: Promise<void> | undefined;

  /** Made by `fileBackend`. */
  constructor({ path, cookieName = 'sessionid', answers, now = () => new Date() }: FileOptions) {
    this.#directory = new SessionDirectory(path, cookieName);
    this.answers = answers ?? (isOverTheNetwork(this.#directory.path) ? 'later' : 'synchronously');
    this.#calls = this.answers === 'synchronously' ? atOnce : onThreads;
    this.#files = new SessionFiles(this.#directory, this.#calls);
    const isRead = this.answers === 'synchronously';
    if (isRead && hasExactTimes(this.#directory.path)) this.#recent = new RecentFiles();
    this.#now = now;
  }

  useExpiry(endOf: (stored: StoredSession, key?: string) => Date): void {
    this.#endOf = endOf;
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    if (this.answers === 'synchronously') return this.#loadAtOnce(key);
    return this.#call(key, async (file) => {
      const stored = await readSessionFile(file, onThreads);
      if (!stored) await this.#directory.assertThere();
      return stored;
    });
  }

  #loadAtOnce(key: string): StoredSession | undefined {
    this.#assertOpen();
    const file = this.#directory.fileOf(key);
    const stored = this.#recent ? this.#recent.read(key, file) : openSessionFile(file)?.stored;
    if (!stored) this.#directory.assertThereAtOnce();
    return stored;
  }

  create(record: SessionRecord): Promise<Written> {
    return this.#call(record.key, async (file) => {
      while (!(await this.#files.add(file, this.#content(record)))) {
        const found = await readSessionFile(file, this.#calls);
        const isTaken = found ? this.#isLive(record.key, found) : await isThere(file, this.#calls);
        if (isTaken) throw new CreateError();
        if (found) await this.#files.removeExpired(file, (old) => !this.#isLive(record.key, old));
      }
      return written(record);
    });
  }

  update(record: SessionRecord, base: string): Promise<Written> {
    return this.#write(record.key, async (file) => {
      const change = await this.#replace(file, record, base);
      if (change.done) return written(record);
      throw this.#difference(record.key, change.found);
    });
  }

  touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.#write(record.key, async (file) => {
      const touched =
        record.data === base
          ? await renewSessionFile(
              file,
              (stored) => this.#isLive(record.key, stored, base),
              this.#now(),
              this.#calls,
            )
          : (await this.#replace(file, record, base)).done;
      return touched ? written(record) : undefined;
    });
  }

  delete(key: string, base?: string): Promise<boolean> {
    return this.#write(key, async (file) => {
      let wasLive = false;
      const change = await this.#files.remove(file, (found) => {
        wasLive = this.#isLive(key, found);
        return base === undefined ? found !== undefined : this.#isLive(key, found, base);
      });
      if (change.done) {
        await this.#directory.sync();
        return wasLive;
      }
      if (wasLive) throw this.#difference(key, change.found);
      return false;
    });
  }

  async clearExpired(options: ClearExpiredOptions = {}): Promise<number> {
    const { expiresAt = this.#now(), signal } = options;
    const isExpired = (found: StoredSession): boolean => this.#endOf(found) <= expiresAt;
    const clearing = {
      directory: this.#directory,
      isExpired: async (file: string) => {
        const found = await readSessionFile(file, onThreads);
        return found !== undefined && isExpired(found);
      },
      remove: (file: string) => this.#files.removeExpired(file, isExpired),
      isStopped: () => signal?.aborted === true || this.#closing !== undefined,
    };
    return this.#watch(() => clearExpired(clearing, options));
  }

  async *scan(options: ScanOptions = {}): AsyncGenerator<ScannedBatch> {
    const batches = scanFiles(this.#directory, options);
    for (;;) {
      const { value, done } = await this.#watch(() => batches.next());
      if (done) return;
      yield value;
    }
  }

  /** That the directory is its owner's alone has been checked at the start. */
  async reportSafety(): Promise<readonly SafetyFinding[]> {
    const onDisk: SafetyFinding = {
      level: 'safe',
      about: 'Files',
      message:
        'The directory is open to its owner alone, and what was answered is on disk, as far as the disk tells the truth.',
    };
    return [fileSystemFinding(this.#directory.path) ?? onDisk];
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#files.close();
    this.#recent = undefined;
    this.#directory.close();
  }

  #replace(file: string, record: SessionRecord, base: string) {
    const isMeant = (found: StoredSession | undefined) => this.#isLive(record.key, found, base);
    return this.#files.replace(file, isMeant, this.#content(record));
  }

  #content({ data }: SessionRecord): Content {
    return { data, modifiedAt: this.#now() };
  }

  /** Whether this is a session that has not ended, and its bytes are still `base` where one is given. */
  #isLive(
    key: string,
    found: StoredSession | undefined,
    base: string | undefined = found?.base,
  ): boolean {
    return found !== undefined && found.base === base && this.#endOf(found, key) > this.#now();
  }

  /** Why a compare-and-set did nothing. */
  #difference(key: string, found: StoredSession | undefined): UpdateError {
    return this.#isLive(key, found) ? new UpdateError('changed', found) : new UpdateError('gone');
  }

  #write<T>(key: string, write: (file: string) => Promise<T>): Promise<T> {
    return this.#call(key, (file) => {
      this.#recent?.forget(key);
      const turn = (this.#writes.get(file) ?? Promise.resolve())
        .catch(() => {})
        .then(() => write(file))
        .finally(() => {
          if (this.#writes.get(file) === turn) this.#writes.delete(file);
        });
      this.#writes.set(file, turn);
      return turn;
    });
  }

  #call<T>(key: string, call: (file: string) => Promise<T>): Promise<T> {
    return this.#watch(() => call(this.#directory.fileOf(key)));
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new SessionError('The session backend is closed.');
  }

  async #watch<T>(start: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const call = start();
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }
}

/**
 * Sessions in files. Several processes of one machine may use one directory.
 *
 * @throws {ImproperlyConfigured} when the directory cannot be made or is not safe to use.
 */
export function fileBackend(options: FileOptions): FileBackend {
  return new FileBackend(options);
}

function written({ key, data }: SessionRecord): Written {
  return { key, base: data };
}

function unknownEnd(): never {
  throw new SessionError(
    'Session files keep no expiry: give the backend to createSessions, which tells it when sessions end.',
  );
}
