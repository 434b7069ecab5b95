import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSessions, type SessionsConfig } from '@coatcheck/config';
import { type Django, startPython } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { Gate } from '../src/gate.ts';
import { createKoaSite } from '../src/koa-site.ts';
import { Users } from '../src/users.ts';

/** The halves by name. */
export type Half = 'Django' | 'Koa';

/** One half of the site. */
export interface Site {
  readonly name: Half;
  readonly url: string;
  /** Resolves when a request to its page `/slow` waits. */
  slowArrived(): Promise<void>;
  /** Lets a request to its page `/slow` go on. */
  slowOpen(): Promise<void>;
}

/** The halves of the site, running on the same sessions and users. */
export interface Sites {
  readonly Django: Site;
  readonly Koa: Site;
  /** The clock of the Koa half, unless the place has its own. */
  readonly koaClock: { aheadBySeconds: number };
  /** A user whom no other test knows. */
  addUser(): Promise<Credentials>;
  /** Sets another password in Django, as an administrator does it or the user on another device. */
  changePassword(user: Credentials): Promise<Credentials>;
  stop(): Promise<void>;
}

/** What a user types to log in. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Where both halves keep sessions: what each has to be told. */
export interface SharedPlace {
  /** Django's settings by their names. */
  readonly django: Readonly<Record<string, unknown>>;
  readonly coatcheck: SessionsConfig;
  /** The place ends sessions by a clock that tests cannot move, so that the Koa half has the system's too. */
  readonly hasOwnClock?: boolean;
  /** Removes what was made for it. */
  close?(): Promise<void>;
}

/** A key that neither Django nor Coatcheck finds weak. */
export const SECRET_KEY = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf-one-login-for-both-4sJ6';

const root = path.join(import.meta.dirname, '..');

/** Starts both halves, with the users' database in the directory. */
export async function startSites(
  django: Django,
  place: Omit<SharedPlace, 'close'>,
  directory: string,
): Promise<Sites> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const users = path.join(directory, 'users.sqlite3');
    const python = startPython(django, path.join(root, 'django-site/serve.py'), {
      env: { SITE_SETTINGS: JSON.stringify(djangoSettings(place, users)) },
    });
    closers.push(() => python.stop());
    const djangoUrl = await python.call<string>('start');
    const koaClock = { aheadBySeconds: 0 };
    const now = (): Date => new Date(Date.now() + koaClock.aheadBySeconds * 1000);
    const gate = new Gate();
    const config = { ...koaSettings(django, place), ...(!place.hasOwnClock && { now }) };
    const koa = await startKoa(config, users, gate);
    closers.push(koa.stop);
    return {
      Django: {
        name: 'Django',
        url: djangoUrl,
        slowArrived: () => python.call('slow_arrived'),
        slowOpen: () => python.call('slow_open'),
      },
      Koa: {
        name: 'Koa',
        url: koa.url,
        slowArrived: () => gate.arrived(),
        slowOpen: async () => gate.open(),
      },
      koaClock,
      async addUser() {
        const user = { username: `visitor-${randomUUID()}`, password: 'analytical-engine' };
        await python.call('add_user', user);
        return user;
      },
      async changePassword({ username }) {
        const changed = { username, password: 'difference-engine' };
        await python.call('change_password', changed);
        return changed;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function djangoSettings(place: Pick<SharedPlace, 'django'>, users: string): object {
  const DATABASES = {
    default: { ENGINE: 'django.db.backends.sqlite3', NAME: users },
    ...Object(place.django.DATABASES),
  };
  return { SECRET_KEY, ...place.django, DATABASES };
}

function koaSettings(
  django: Django,
  { coatcheck }: Pick<SharedPlace, 'coatcheck'>,
): SessionsConfig {
  return {
    secretKey: SECRET_KEY,
    ...coatcheck,
    ...(django.version.startsWith('3.2') && { django: '3.2' }),
    // What is tested is not the speed of the machine.
    operationTimeoutMs: 30_000,
  };
}

async function startKoa(
  config: SessionsConfig,
  usersFile: string,
  gate: Gate,
): Promise<{ url: string; stop(): Promise<void> }> {
  const sessions = await loadSessions(config, { cwd: root });
  const users = new Users(usersFile);
  const app = createKoaSite({ sessions, users, gate });
  // The tests look at the answers.
  app.silent = true;
  const server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sessions.close();
      users.close();
    },
  };
}

/** Both halves on the place, running while the tests do. */
export function describeSites(
  title: string,
  django: Django,
  open: (directory: string) => SharedPlace | Promise<SharedPlace>,
  define: (sites: () => Sites) => void,
): void {
  describe(title, () => {
    let directory: string;
    let place: SharedPlace;
    let sites: Sites;
    beforeAll(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-interop-'));
      place = await open(directory);
      sites = await startSites(django, place, directory);
    }, 60_000);
    define(() => sites);
    afterAll(async () => {
      await sites?.stop();
      await place?.close?.();
      rmSync(directory, { recursive: true, force: true });
    }, 60_000);
  });
}

/** For `it.each`: what one half does, the other has to see. */
export const bothWays: readonly (readonly [Half, Half])[] = [
  ['Django', 'Koa'],
  ['Koa', 'Django'],
];
