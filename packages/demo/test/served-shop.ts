import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import Database from 'better-sqlite3';
import { createApp } from '../src/app.ts';
import type { ShopSession } from '../src/shop-context.ts';

/** A shop that answers requests at `origin`. */
export interface ServedShop {
  readonly origin: string;
  readonly sessions: Sessions<ShopSession>;
  /** Ends the shop and its sessions. */
  close(): Promise<void>;
}

/** A shop whose sessions are in a database of its own. */
export interface ShopInMemory extends ServedShop {
  readonly database: Database.Database;
  /** The keys of the sessions that are stored. */
  keys(): string[];
  /** Everything that is stored of sessions. */
  rows(): unknown[];
}

/** Serves the shop on a free port. @param onError hears what the shop answers with 500 and the like; else nobody does */
export async function serveShop(
  sessions: Sessions<ShopSession>,
  onError: (error: unknown) => void = () => {},
): Promise<ServedShop> {
  const app = createApp(sessions);
  app.on('error', onError);
  const server = createServer(app.callback());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sessions.close();
    },
  };
}

/** Serves the shop on SQLite in memory. */
export async function serveShopInMemory(): Promise<ShopInMemory> {
  const database = new Database(':memory:');
  const shop = await serveShop(
    createSessions<ShopSession>({
      // What is tested is not the speed of the machine.
      backend: sqliteBackend({ database, busyTimeoutMs: 29_000 }),
      operationTimeoutMs: 30_000,
      secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
      account: true,
    }),
  );
  const hasTable = (): boolean =>
    database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'django_session'").get() !==
    undefined;
  return {
    ...shop,
    database,
    keys: () => {
      if (!hasTable()) return [];
      return database.prepare('SELECT session_key FROM django_session').pluck().all() as string[];
    },
    rows: () => (hasTable() ? database.prepare('SELECT * FROM django_session').all() : []),
    close: async () => {
      await shop.close();
      database.close();
    },
  };
}
