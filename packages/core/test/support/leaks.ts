import { channel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { createSessions, type SessionBackend, type SessionsOptions } from '@coatcheck/core';
import { type Entries, SECRET_KEY } from './sqlite-sessions.ts';

/** A text that every session of these tests holds, and that must be seen nowhere. */
export const CANARY = 'canary-7Qz2-do-not-show';

/** Characters of the stored text that may be seen by chance. */
const PIECE = 12;

const EVENTS = [
  ...['created', 'saved', 'merged', 'interrupted', 'rejected', 'unavailable'],
  ...['breakerOpened', 'breakerClosed', 'cookieSkipped', 'cacheControlChanged', 'error'],
] as const;

/** What backends tell beside the events. */
const CHANNELS = ['cacheFailed', 'djangoCacheFailed'] as const;

/** Sessions on the backend, and whatever they let out. */
export function watchForLeaks(
  backend: SessionBackend,
  options: Partial<Omit<SessionsOptions, 'backend'>> = {},
) {
  const secrets = new Set<string>([CANARY, SECRET_KEY]);
  const told: unknown[] = [];
  const sessions = createSessions<Entries>({
    // Not the speed of the machine is tested.
    operationTimeoutMs: 10_000,
    ...options,
    backend: noting(backend, secrets),
    secretKey: SECRET_KEY,
  });
  const listen = (event: unknown): void => void told.push(event);
  for (const name of EVENTS) {
    sessions.events.on(name as 'saved', listen);
    channel(`coatcheck:${name}`).subscribe(listen);
  }
  for (const name of CHANNELS) channel(`coatcheck:${name}`).subscribe(listen);

  async function start(): Promise<string> {
    const session = sessions.open();
    session.set('canary', CANARY);
    await session.save();
    return String(session.sessionKey);
  }

  return {
    sessions,
    start,
    /** Asks for everything that can be asked of a session, and returns how many of the calls failed. */
    async provoke(key: string): Promise<number> {
      const session = sessions.open(key);
      const before = told.length;
      const attempt = async (call: () => Promise<unknown>): Promise<number> =>
        call().then(
          () => 0,
          (error: unknown) => {
            told.push(error);
            return 1;
          },
        );
      let failed = await attempt(() => session.load());
      const calls = [
        async () => {
          session.set('more', `${CANARY}!`);
          await session.save();
        },
        start,
        () => session.cycleKey(),
        () => sessions.exists(key),
        () => session.flush(),
        () => sessions.delete(key),
        () => sessions.clearExpired({ expiresAt: new Date(Date.now() + 1e11) }),
      ];
      for (const call of calls) failed += await attempt(call);
      told.push(session, sessions, backend, sessions.openForRequest(`sessionid=${key}`, response));
      if (told.length === before) throw new Error('Nothing was told, so that nothing is tested.');
      return failed;
    },
    /** Pieces of what must not be seen, in what was told until now. */
    leaks(): string[] {
      const shown = told
        .map((each) => inspect(each, { depth: Infinity, showHidden: true }) + jsonOf(each))
        .join('\n');
      return [...secrets].flatMap(pieces).filter((piece) => shown.includes(piece));
    },
    stop(): void {
      for (const name of EVENTS) channel(`coatcheck:${name}`).unsubscribe(listen);
      for (const name of CHANNELS) channel(`coatcheck:${name}`).unsubscribe(listen);
    },
  };
}

const response = { headersSent: false, getHeader: () => undefined, setHeader: () => undefined };

function pieces(secret: string): string[] {
  const count = Math.max(1, secret.length - PIECE + 1);
  return Array.from({ length: count }, (_, i) => secret.slice(i, i + PIECE));
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    // It goes round in circles, as clients of servers do.
    return '';
  }
}

/** The backend, with a note of every key and text that it is given. */
function noting(backend: SessionBackend, secrets: Set<string>): SessionBackend {
  const note = (text: unknown): void => {
    if (typeof text === 'string' && text.length >= PIECE) secrets.add(text);
  };
  return new Proxy(backend, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        for (const each of args) {
          if (typeof each !== 'object' || each === null) note(each);
          else for (const part of Object.values(each)) note(part);
        }
        return Reflect.apply(value, target, args);
      };
    },
  });
}
