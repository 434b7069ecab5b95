import {
  type SessionBackend,
  type SessionRecord,
  type SessionScanner,
  type StoredSession,
  UpdateError,
} from '@coatcheck/core';
import type { FileBackend } from '@coatcheck/file';

/**
 * A file backend for tests that make up their data. It stands in for core, whose data say when a session ends: how many
 * milliseconds after its modification goes in front of the data, and an expired session is not loaded.
 */
export function datedBackend(files: FileBackend, now: () => Date): SessionBackend & SessionScanner {
  const endOf = ({ data, modifiedAt }: StoredSession): Date =>
    new Date(Number(modifiedAt) + Number.parseInt(data, 10));
  files.useExpiry(endOf);

  const dated = (record: SessionRecord): SessionRecord => ({
    ...record,
    data: `${record.expiresAt.getTime() - now().getTime()}:${record.data}`,
  });
  const undated = ({ data, base }: StoredSession): StoredSession => ({
    data: data.slice(data.indexOf(':') + 1),
    base,
  });
  const translate = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      const { name, current } = error as UpdateError;
      throw name === 'UpdateError' && current
        ? new UpdateError('changed', undated(current))
        : error;
    }
  };
  return {
    encoding: files.encoding,
    answers: files.answers,
    load(key) {
      const live = (stored: StoredSession | undefined) =>
        stored && endOf(stored) > now() ? undated(stored) : undefined;
      const stored = files.load(key);
      return stored instanceof Promise ? stored.then(live) : live(stored);
    },
    create: (record) => files.create(dated(record)),
    update: (record, base) => translate(files.update(dated(record), base)),
    async touch(record, base) {
      // The data stay as they are where the session lasts equally long from now on, as with core.
      const touched = dated(record);
      return translate(files.touch(touched, base));
    },
    delete: (key, base) => translate(files.delete(key, base)),
    async *scan(options) {
      for await (const { sessions, ...rest } of files.scan(options)) {
        const found = sessions.map(({ key, stored }) => ({
          key,
          stored: { ...undated(stored), expiresAt: endOf(stored) },
        }));
        yield { ...rest, sessions: found };
      }
    },
    clearExpired: (options) => files.clearExpired(options),
    close: () => files.close(),
  };
}
