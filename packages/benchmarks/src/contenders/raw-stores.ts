import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { RowDataPacket } from 'mysql2/promise';
import type { Place, Whereabouts } from '../places.ts';
import { AGE, SECRET } from './koa-application.ts';

type Awaitable<T> = T | Promise<T>;

/** The calls of a driver that a session cannot do without. Each write returns what the cookie carries. */
export interface RawStore {
  load(cookie: string): Awaitable<string | undefined>;
  create(data: string): Awaitable<string>;
  update(cookie: string, data: string): Awaitable<string>;
  /** Where the process goes on without it. */
  close?(): unknown;
}

interface RawPlace {
  /** What the report calls it: modules, `node:…` among them, or algorithms of `node:crypto`. */
  readonly driver: string;
  /** Of them, those whose versions the report names. */
  readonly packages?: readonly string[];
  open(at: Whereabouts): Awaitable<RawStore>;
}

/** For every place, the cheapest way to keep a session there with the same durability as ours. */
export const rawStores: Readonly<Record<Place, RawPlace>> = {
  memory: { driver: 'lru-cache', packages: ['lru-cache'], open: openMemory },
  redis: { driver: 'ioredis', packages: ['ioredis'], open: openRedis },
  sqlite: { driver: 'better-sqlite3', packages: ['better-sqlite3'], open: openSqlite },
  postgresql: { driver: 'pg', packages: ['pg'], open: openPostgresql },
  mariadb: { driver: 'mysql2', packages: ['mysql2'], open: openMariadb },
  'cached-db': { driver: 'ioredis + better-sqlite3', open: openCachedDb },
  file: { driver: 'node:fs', open: openFiles },
  'signed-cookie': { driver: 'HMAC', open: openSignedCookie },
  'sealed-cookie': { driver: 'AES-GCM', open: openSealedCookie },
};

const newKey = (): string => randomBytes(16).toString('hex');
const expiry = (): Date => new Date(Date.now() + AGE * 1000);

async function openMemory({ sessions = 100_000 }: Whereabouts): Promise<RawStore> {
  const { LRUCache } = await import('lru-cache');
  const cache = new LRUCache<string, string>({ max: sessions, maxSize: 2 ** 32 });
  const put = (key: string, data: string): string => {
    cache.set(key, data, { size: data.length + key.length });
    return key;
  };
  return { load: (key) => cache.get(key), create: (data) => put(newKey(), data), update: put };
}

async function openRedis({ redisUrl, table }: Whereabouts): Promise<RawStore> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(redisUrl, { enableAutoPipelining: true });
  const put = async (key: string, data: string): Promise<string> => {
    await redis.set(table + key, data, 'EX', AGE);
    return key;
  };
  return {
    load: async (key) => (await redis.get(table + key)) ?? undefined,
    create: (data) => put(newKey(), data),
    update: put,
    close: () => redis.disconnect(),
  };
}

const COLUMNS = 'session_key, session_data, expire_date';

async function openSqlite({ directory }: Whereabouts): Promise<RawStore> {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(path.join(directory, 'sessions.sqlite3'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(
    'CREATE TABLE sessions (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL)',
  );
  database.exec('CREATE INDEX sessions_expire_date ON sessions (expire_date)');
  const select = database
    .prepare('SELECT session_data FROM sessions WHERE session_key = ? AND expire_date > ?')
    .pluck();
  const insert = database.prepare(`INSERT INTO sessions (${COLUMNS}) VALUES (?, ?, ?)`);
  const update = database.prepare(
    'UPDATE sessions SET session_data = ?, expire_date = ? WHERE session_key = ?',
  );
  return {
    load: (key) => select.get(key, new Date().toISOString()) as string | undefined,
    create: (data) => {
      const key = newKey();
      insert.run(key, data, expiry().toISOString());
      return key;
    },
    update: (key, data) => {
      update.run(data, expiry().toISOString(), key);
      return key;
    },
    close: () => database.close(),
  };
}

async function openPostgresql({ postgresqlUrl, table }: Whereabouts): Promise<RawStore> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: postgresqlUrl });
  await pool.query(
    `CREATE TABLE ${table} (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)`,
  );
  await pool.query(`CREATE INDEX ON ${table} (expire_date)`);
  return {
    load: async (key) => {
      const text = `SELECT session_data FROM ${table} WHERE session_key = $1 AND expire_date > $2`;
      const { rows } = await pool.query({ name: 'load', text, values: [key, new Date()] });
      return rows[0]?.session_data;
    },
    create: async (data) => {
      const key = newKey();
      const text = `INSERT INTO ${table} (${COLUMNS}) VALUES ($1, $2, $3)`;
      await pool.query({ name: 'create', text, values: [key, data, expiry()] });
      return key;
    },
    update: async (key, data) => {
      const text = `UPDATE ${table} SET session_data = $1, expire_date = $2 WHERE session_key = $3`;
      await pool.query({ name: 'update', text, values: [data, expiry(), key] });
      return key;
    },
  };
}

async function openMariadb({ mariadbUrl, table }: Whereabouts): Promise<RawStore> {
  const { default: mysql } = await import('mysql2/promise');
  const pool = mysql.createPool({ uri: mariadbUrl, timezone: 'Z' });
  await pool.query(
    `CREATE TABLE ${table} (session_key varchar(40) PRIMARY KEY, session_data longtext NOT NULL, expire_date datetime(6) NOT NULL, INDEX (expire_date))`,
  );
  return {
    load: async (key) => {
      const [rows] = await pool.execute<RowDataPacket[]>(
        `SELECT session_data FROM ${table} WHERE session_key = ? AND expire_date > ?`,
        [key, new Date()],
      );
      return rows[0]?.session_data;
    },
    create: async (data) => {
      const key = newKey();
      await pool.execute(`INSERT INTO ${table} (${COLUMNS}) VALUES (?, ?, ?)`, [
        key,
        data,
        expiry(),
      ]);
      return key;
    },
    update: async (key, data) => {
      await pool.execute(
        `UPDATE ${table} SET session_data = ?, expire_date = ? WHERE session_key = ?`,
        [data, expiry(), key],
      );
      return key;
    },
  };
}

/** Reads come from Redis; writes go to SQLite and then to Redis. */
async function openCachedDb(at: Whereabouts): Promise<RawStore> {
  const cache = await openRedis(at);
  const database = await openSqlite(at);
  return {
    load: cache.load,
    create: async (data) => {
      const key = await database.create(data);
      return cache.update(key, data);
    },
    update: async (key, data) => {
      await database.update(key, data);
      return cache.update(key, data);
    },
  };
}

/** What replaces a file is on disk before and after it has the name, as with ours: two fsyncs. */
function openFiles({ directory }: Whereabouts): RawStore {
  const folder = fs.openSync(directory, 'r');
  const put = (key: string, data: string): string => {
    const file = path.join(directory, key);
    const temporary = `${file}_new`;
    const fd = fs.openSync(temporary, 'wx', 0o600);
    fs.writeSync(fd, data);
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync(temporary, file);
    fs.fsyncSync(folder);
    return key;
  };
  return {
    load: (key) => {
      try {
        return fs.readFileSync(path.join(directory, key), 'utf8');
      } catch {
        return undefined;
      }
    },
    create: (data) => put(newKey(), data),
    update: put,
  };
}

function openSignedCookie(): RawStore {
  const macOf = (text: string): Buffer => createHmac('sha256', SECRET).update(text).digest();
  const sign = (data: string): string => {
    const text = Buffer.from(data).toString('base64url');
    return `${text}.${macOf(text).toString('base64url')}`;
  };
  return {
    load: (cookie) => {
      const dot = cookie.lastIndexOf('.');
      const text = cookie.slice(0, dot);
      const mac = Buffer.from(cookie.slice(dot + 1), 'base64url');
      if (mac.length !== 32 || !timingSafeEqual(mac, macOf(text))) return undefined;
      return Buffer.from(text, 'base64url').toString();
    },
    create: sign,
    update: (_, data) => sign(data),
  };
}

function openSealedCookie(): RawStore {
  const key = createHmac('sha256', SECRET).update('sealed').digest();
  const seal = (data: string): string => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const sealed = [nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat(sealed).toString('base64url');
  };
  return {
    load: (cookie) => {
      const bytes = Buffer.from(cookie, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(-16));
      return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
    },
    create: seal,
    update: (_, data) => seal(data),
  };
}
