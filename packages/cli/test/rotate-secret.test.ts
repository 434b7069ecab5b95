import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Here } from './coatcheck-here.ts';

const [OLDEST, FORMER, PRESENT] = [
  'oldest-Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
  'former-Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
  'present-r1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
];
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
let here: Here;

beforeEach(() => {
  here = new Here();
  here.env = { SECRET_KEY: PRESENT, SECRET_KEY_FALLBACKS: `${FORMER},${OLDEST}` };
});

afterEach(() => here.remove());

/** Stores a session as it was signed then. */
async function storeUnder(secret: string, expiry?: Date, entries: object = { n: 1 }) {
  const { env } = here;
  here.env = { ...env, SECRET_KEY: secret, SECRET_KEY_FALLBACKS: '' };
  const key = await here.store({ ...entries }, expiry);
  here.env = env;
  return key;
}

async function json() {
  const { code, stdout } = await here.coatcheck('rotate-secret --json');
  return { code, ...JSON.parse(stdout) };
}

describe('coatcheck rotate-secret', () => {
  it('counts what each fallback signs, says until when, and shows no secret', async () => {
    await storeUnder(PRESENT);
    await storeUnder(FORMER, inDays(1));
    const last = await storeUnder(FORMER, inDays(3));
    await storeUnder(OLDEST, inDays(-1));
    await storeUnder('forged-r1nVd5sWk0aYb7uEo3tGh9xLc2mPf');
    const { code, stdout, stderr } = await here.coatcheck('rotate-secret');
    const day = inDays(3).toISOString().slice(0, 10);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^The secret key signs 1 of 3 live sessions\.$/m);
    expect(stdout).toMatch(
      new RegExp(`^Fallback 1 signs 2: keep it; the last of them ends at ${day} `, 'm'),
    );
    expect(stdout).toMatch(/^Fallback 2 signs none: drop it, unless it is the next secret key\.$/m);
    expect(stdout).toMatch(/^1 cannot be read: forged, /m);
    expect(stderr).toMatch(
      new RegExp(
        `^A fallback is still needed: [^\\n]*, at the latest after ${day} [^\\n]*Z\\.\\n$`,
      ),
    );
    for (const secret of [OLDEST, FORMER, PRESENT, last]) {
      expect(stdout + stderr).not.toContain(secret);
    }
  });

  it('is done once what a fallback signed was changed, renewed or has ended', async () => {
    const key = await storeUnder(FORMER);
    expect(await json()).toMatchObject({ code: 3, isDone: false, current: 0, live: 1 });
    await here.withSessions(async (sessions) => {
      const session = sessions.open(key);
      session.set('n', 2);
      await session.save();
    });
    expect(await json()).toEqual({
      ...{ code: 0, engine: 'db', isCounted: true, isDone: true, live: 1, current: 1 },
      fallbacks: [
        { position: 1, live: 0 },
        { position: 2, live: 0 },
      ],
      ...{ unreadable: 0, logins: 0 },
    });
    // It can be dropped: the session is read without it.
    here.env = { SECRET_KEY: PRESENT };
    expect(await here.exists(key)).toBe(true);
  });

  it('says what to do where no rotation is under way', async () => {
    here.env = { SECRET_KEY: PRESENT };
    await here.coatcheck('migrate');
    const { code, stdout, stderr } = await here.coatcheck('rotate-secret');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^There are no fallbacks: no rotation is under way\.$/m);
    expect(stdout.match(/^\d\. /gm)).toEqual(['1. ', '2. ', '3. ', '4. ', '5. ']);
  });

  it('warns of logins, which depend on the secret by themselves', async () => {
    await storeUnder(PRESENT, undefined, { _auth_user_id: '7', _auth_user_hash: 'x' });
    const { code, stdout } = await here.coatcheck('rotate-secret');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^1 carry a login, which is signed anew when its user is next read: /m);
  });

  it('makes a new secret, and prints the settings without the present ones', async () => {
    const { code, stdout } = await here.coatcheck('rotate-secret --generate');
    expect(code).toBe(0);
    const [, secret = ''] = /^SECRET_KEY=([\w-]{64})$/m.exec(stdout) ?? [];
    expect(stdout).toBe(
      `SECRET_KEY=${secret}\nSECRET_KEY_FALLBACKS=<SECRET_KEY as it is now>,<SECRET_KEY_FALLBACKS as it is now>\n`,
    );
    here.env = { SECRET_KEY: secret };
    expect((await here.coatcheck('migrate')).code).toBe(0);
    const other = JSON.parse((await here.coatcheck('rotate-secret --generate --json')).stdout);
    expect(other.newSecretKey).toMatch(/^[\w-]{64}$/);
    expect(other.newSecretKey).not.toBe(secret);
  });

  it('says in one sentence of a cache that it signs nothing', async () => {
    here.env = { ...here.env, SESSION_ENGINE: 'cache', SESSION_CACHE_URL: 'memory:' };
    const { code, stdout } = await here.coatcheck('rotate-secret');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^The engine 'cache' signs nothing, so that [^\n]*\.\n$/);
    expect(await json()).toMatchObject({ code: 0, isCounted: false, isDone: true });
  });

  it('says of signed cookies by their age when a fallback can be dropped', async () => {
    here.env = { ...here.env, SESSION_ENGINE: 'signed_cookies', SESSION_COOKIE_AGE: '3600' };
    const now = () => new Date('2026-01-02T03:04:05Z');
    const { code, stdout, stderr } = await here.coatcheck('rotate-secret', { now });
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^Visitors keep [^\n]*: drop a fallback 3600 seconds \(cookie\.age\) after [^\n]* at 2026-01-02 04:04:05Z\.\n$/,
    );
    expect(stderr).toMatch(/^Whether a fallback is still needed cannot be told here: [^\n]*\.\n$/);
    here.env = { SECRET_KEY: PRESENT, SESSION_ENGINE: 'signed_cookies' };
    expect((await here.coatcheck('rotate-secret')).code).toBe(0);
  });

  it.each(['db', 'cache'])('is not done while sessions may still move to %s', async (engine) => {
    await storeUnder(FORMER);
    const { env } = here;
    const from = { SESSION_MIGRATING_FROM_DB_URL: 'sqlite:./sessions.sqlite3' };
    const to =
      engine === 'db'
        ? { SESSION_DB_URL: 'sqlite:./new.sqlite3' }
        : { SESSION_ENGINE: 'cache', SESSION_CACHE_URL: 'memory:' };
    here.env = { ...env, ...to, ...from };
    await here.coatcheck('migrate');
    expect(await json()).toMatchObject({ code: 3, isDone: false });
    const { code, stderr } = await here.coatcheck('rotate-secret');
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(
        /^[^\n]* engine of migratingFrom [^\n]*coatcheck move[^\n]*\.\n$/,
      ),
    });
    // What signed the sessions there is another matter.
    here.env = { ...here.env, SESSION_MIGRATING_FROM_SECRET_KEY: FORMER };
    expect(await json()).toMatchObject({ code: 0, isDone: true });
  });
});
