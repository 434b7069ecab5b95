import path from 'node:path';
import type { SessionsConfig } from '@coatcheck/config';
import {
  mariadbServer,
  postgresqlServer,
  redisIsMissing,
  startRedis,
  TcpProxy,
  type TestServer,
} from '@coatcheck/test-support';
import { Directory } from './disk.ts';
import type { FaultyDisk, FaultyServer, Place } from './place.ts';
import { faultyRedis, faultyServer } from './servers.ts';

type Config = Omit<SessionsConfig, 'secretKey'>;

/** What is open of a place. */
interface Opened {
  readonly config: Config;
  readonly originalConfig?: Config;
  readonly server?: FaultyServer;
  readonly proxy?: TcpProxy;
  readonly disk?: FaultyDisk | undefined;
  close(): Promise<void>;
}

/** Bytes of the disks that are filled: more than the log of an SQLite file, which has 4 MB before it is emptied. */
const DISK_BYTES = 32 * 2 ** 20;

/** The places that keep sessions over a restart, each with servers and files of its own. */
export const places: readonly Place[] = [
  newPlace('SQLite', undefined, openSqlite),
  serverPlace('PostgreSQL', postgresqlServer()),
  serverPlace('MariaDB', mariadbServer()),
  newPlace('Redis with an append-only file', redisIsMissing(), openRedis),
  newPlace('SQLite behind Redis', redisIsMissing(), openCachedDb, true),
  newPlace('files', undefined, openFiles),
];

/** Those whose server can be broken. */
export const placesWithServers: readonly Place[] = places.slice(1, 5);

function newPlace(
  name: string,
  missing: string | undefined,
  open: () => Promise<Opened>,
  mayBeStale = false,
): Place {
  let opened: Opened | undefined;
  const now = (): Opened => {
    if (!opened) throw new Error(`${name} is not open.`);
    return opened;
  };
  return {
    ...{ name, missing, mayBeStale },
    get server() {
      return now().server;
    },
    get proxy() {
      return now().proxy;
    },
    get disk() {
      return now().disk;
    },
    config: () => now().config,
    originalConfig: () => now().originalConfig ?? now().config,
    open: async () => {
      opened = await open();
    },
    close: async () => {
      await opened?.close();
      opened = undefined;
    },
  };
}

async function openSqlite(): Promise<Opened> {
  const directory = new Directory(DISK_BYTES);
  const url = `sqlite:${path.join(directory.path, 'sessions.sqlite3')}`;
  return {
    config: { engine: 'db', db: { url } },
    disk: directory.disk,
    close: async () => directory.remove(),
  };
}

async function openFiles(): Promise<Opened> {
  const directory = new Directory(DISK_BYTES);
  return {
    config: { engine: 'file', file: { path: path.join(directory.path, 'sessions') } },
    disk: directory.disk,
    close: async () => directory.remove(),
  };
}

function serverPlace(name: string, server: TestServer): Place {
  const { own, missing } = server;
  const reason = missing ?? (own ? undefined : 'a server that is not ours must not be broken');
  return newPlace(name, reason, async () => {
    if (!own) throw new Error(reason);
    const direct = await server.start();
    const proxy = new TcpProxy(direct);
    await proxy.accept();
    const faulty = faultyServer(own);
    return {
      config: { engine: 'db', db: { url: proxy.through(direct) } },
      ...{ server: faulty, proxy },
      close: async () => {
        await proxy.refuse();
        await server.stop();
      },
    };
  });
}

async function openRedis(): Promise<Opened> {
  const server = await startRedis({ config: { appendonly: 'yes' } });
  const proxy = new TcpProxy(server.url);
  await proxy.accept();
  return {
    config: { engine: 'cache', cache: { url: proxy.through(server.url) } },
    ...{ server: faultyRedis(server), proxy },
    close: async () => {
      await proxy.refuse();
      await server.stop();
    },
  };
}

async function openCachedDb(): Promise<Opened> {
  const database = await openSqlite();
  const cache = await openRedis();
  const { db } = database.config;
  return {
    ...{ server: cache.server as FaultyServer, proxy: cache.proxy as TcpProxy },
    disk: database.disk,
    config: { ...cache.config, engine: 'cached_db', db },
    originalConfig: database.config,
    close: async () => {
      await cache.close();
      await database.close();
    },
  };
}
