import path from 'node:path';
import type { SessionsConfig } from '@coatcheck/config';
import { postgresqlServer, redisIsMissing, startRedis } from '@coatcheck/test-support';
import { Directory, diskIsMissing } from './disk.ts';

/** A place that has no more room at times. */
export interface FullPlace {
  readonly name: string;
  /** Why its tests cannot run; `undefined` when they can. */
  readonly missing: string | undefined;
  /** Whether its disk can be made one that can only be read: not while a file is open to be written. */
  readonly canBeReadOnly?: boolean;
  open(): Promise<OpenFullPlace>;
}

export interface OpenFullPlace {
  readonly config: Omit<SessionsConfig, 'secretKey'>;
  fill(): Promise<void>;
  free(): Promise<void>;
  /** Whether the disk can only be read. */
  setReadOnly(readOnly: boolean): void;
  close(): Promise<void>;
}

const MIB = 2 ** 20;

let postgresqlDisk = '';
const postgresql = postgresqlServer({ within: () => postgresqlDisk });

/** Places with a disk, or a memory, that can be filled. */
export const fullPlaces: readonly FullPlace[] = [
  {
    ...{ name: 'SQLite', missing: diskIsMissing },
    open: async () =>
      onDisk(new Directory(MIB), (directory) => ({
        engine: 'db',
        db: { url: `sqlite:${path.join(directory, 'sessions.sqlite3')}` },
      })),
  },
  {
    ...{ name: 'files', missing: diskIsMissing, canBeReadOnly: true },
    open: async () =>
      onDisk(new Directory(MIB), (directory) => ({
        engine: 'file',
        file: { path: path.join(directory, 'sessions') },
      })),
  },
  { name: 'Redis without eviction', missing: redisIsMissing(), open: openRedis },
  {
    name: 'PostgreSQL',
    missing: diskIsMissing ?? postgresql.missing ?? (postgresql.own ? undefined : 'not ours'),
    open: openPostgresql,
  },
];

function onDisk(
  directory: Directory,
  config: (path: string) => OpenFullPlace['config'],
): OpenFullPlace {
  const { disk } = directory;
  if (!disk) throw new Error(diskIsMissing);
  return {
    config: config(directory.path),
    fill: async () => disk.fill(),
    free: async () => disk.free(),
    setReadOnly: (readOnly) => directory.setReadOnly(readOnly),
    close: async () => directory.remove(),
  };
}

async function openRedis(): Promise<OpenFullPlace> {
  const server = await startRedis({
    config: { appendonly: 'yes', 'maxmemory-policy': 'noeviction' },
  });
  const limit = async (bytes: number) =>
    void (await server.command('config', 'set', 'maxmemory', String(bytes)));
  return {
    config: { engine: 'cache', cache: { url: server.url } },
    fill: () => limit(1),
    free: () => limit(0),
    setReadOnly: () => {
      throw new Error('There is no disk of its own.');
    },
    close: () => server.stop(),
  };
}

async function openPostgresql(): Promise<OpenFullPlace> {
  const directory = new Directory(128 * MIB);
  postgresqlDisk = directory.path;
  directory.openToOtherAccounts();
  const url = await postgresql.start();
  return {
    ...onDisk(directory, () => ({ engine: 'db', db: { url } })),
    close: async () => {
      await postgresql.stop();
      directory.remove();
    },
  };
}
