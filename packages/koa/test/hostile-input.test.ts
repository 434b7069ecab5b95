import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { dumps, TimestampSigner } from '@coatcheck/core';
import { seededRandom } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeSites,
  FIXTURE_NOW,
  type Handler,
  KEY,
  keyOf,
  newDirectory,
  openDatabase,
  SALT,
  SECRET_KEY,
  type Site,
  startSite,
} from './test-site.ts';

afterEach(closeSites);

const read: Handler = (ctx) => {
  ctx.body = String(ctx.session.get('a', 'nothing'));
};
const readOrWrite: Handler = (ctx) => {
  if (ctx.path === '/write') ctx.session.set('b', 2);
  else read(ctx);
};

/** Sends these bytes as the value of the Cookie header, and returns the answer as it came. */
async function sendCookie(site: Site, cookie: Buffer | undefined): Promise<string> {
  const socket = net.connect(site.port, '127.0.0.1');
  const header = cookie ? [Buffer.from('Cookie: '), cookie, Buffer.from('\r\n')] : [];
  const head = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n');
  socket.write(Buffer.concat([head, ...header, Buffer.from('\r\n')]));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server that refuses a header may close before it has read all of it.
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

function withoutDate(answer: string): string {
  return answer.replace(/\r\nDate: [^\r]*/, '');
}

describe('Cookie headers', () => {
  it('with well-formed unknown keys never lend their key to a session', async () => {
    const site = await startSite(readOrWrite);
    const random = seededRandom(7);
    const made: string[] = [];
    for (let i = 0; i < 100; i += 1) {
      const key = Array.from({ length: 32 }, () => random(36).toString(36)).join('');
      const answer = await site.request({ key, path: '/write' });
      expect(answer.status).toBe(200);
      expect(keyOf(answer)).not.toBe(key);
      made.push(keyOf(answer) ?? '');
      expect(await site.sessions.exists(key)).toBe(false);
    }
    expect(Object.keys(site.rows()).sort()).toEqual(made.sort());
  });
});

const good = dumps(
  { a: 'a secret of the session', list: [1, 2, 3] },
  { key: SECRET_KEY, salt: SALT, now: FIXTURE_NOW },
);

function flipped(text: string, position: number, bit: number): string {
  const code = text.charCodeAt(position) ^ (1 << bit);
  return text.slice(0, position) + String.fromCharCode(code) + text.slice(position + 1);
}

/** Signed as the application signs, whatever it is. */
function signed(payload: string): string {
  const signer = new TimestampSigner({ key: SECRET_KEY, salt: SALT });
  return signer.sign(payload, FIXTURE_NOW);
}

function signedJson(json: string): string {
  return signed(Buffer.from(json).toString('base64url'));
}

function signedBytes(bytes: Buffer): string {
  return signed(`.${bytes.toString('base64url')}`);
}

function signedBomb(json: string): string {
  return signedBytes(deflateSync(json, { level: 9 }));
}

/** Rows that are no session, by what is wrong with them. */
const corrupt: Record<string, () => string> = {
  empty: () => '',
  'not signed': () => Buffer.from('{"a":1}').toString('base64url'),
  JSON: () => '{"a":1}',
  'signed by another key': () => dumps({ a: 1 }, { key: 'x'.repeat(32), salt: SALT }),
  'signed for another purpose': () => dumps({ a: 1 }, { key: SECRET_KEY }),
  'truncated by one character': () => good.slice(0, -1),
  'cut in the middle': () => good.slice(0, good.length / 2),
  'longer by one character': () => `${good}A`,
  'with a NUL': () => `${good}\0`,
  'beyond ASCII': () => `é${good}`,
  'a signed null': () => signedJson('null'),
  'a signed list': () => signedJson('[["a",1]]'),
  'a signed number': () => signedJson('1'),
  'a signed text': () => signedJson('"a"'),
  'signed nothing': () => signed(''),
  'signed garbage': () => signed('%%%'),
  'signed half of a JSON': () => signedJson('{"a":'),
  'signed JSON and more': () => signedJson('{"a":1} {"a":2}'),
  'signed bytes that are no zlib': () => signedBytes(Buffer.from('no zlib')),
  'signed zlib cut short': () => signedBytes(deflateSync('{"a":1}').subarray(0, -6)),
  'signed zlib of nothing': () => signedBytes(deflateSync('')),
  'a signed zlib bomb of 50 MB': () => signedBomb(`{"a":"${'x'.repeat(50_000_000)}"}`),
  'a signed zlib bomb of 50 MB of blanks': () => signedBomb(`${' '.repeat(50_000_000)}{"a":1}`),
  'signed lists 10,000 deep': () => signedBomb(`{"a":${'['.repeat(1e4)}${']'.repeat(1e4)}}`),
  'signed objects 10,000 deep': () => signedBomb(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
  'signed with 20,000 elements': () => signedBomb(`{"a":[${'0,'.repeat(19_999)}0]}`),
  'larger than a session may be': () => signedJson(`{"a":"${'x'.repeat(70_000)}"}`),
  'a pickle': () => Buffer.from('gASVCQAAAAAAAAB9lIwBYZRLAXMu', 'base64').toString('latin1'),
};

describe('sessions that are none', () => {
  const sent: [string, (site: Site) => string | undefined][] = [
    ['a malformed key', () => 'abc'],
    ['an empty key', () => ''],
    ['two keys', () => `${KEY}; sessionid=${'b'.repeat(32)}`],
    ['an unknown key', () => KEY],
    [
      'an expired row',
      (site) => {
        site.putText(KEY, good, site.clock.now);
        return KEY;
      },
    ],
    ...Object.entries(corrupt).map(([name, text]): [string, (site: Site) => string] => [
      `a row that is ${name}`,
      (site) => {
        site.putText(KEY, text());
        return KEY;
      },
    ]),
  ];

  it('are answered by the same bytes', async () => {
    const site = await startSite(read);
    const expected = withoutDate(await sendCookie(site, Buffer.from('other=1')));
    expect(expected).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(expected).toMatch(/\r\nVary: Cookie\r\n/);
    expect(expected).toMatch(/\r\n\r\nnothing$/);
    for (const [name, prepare] of sent) {
      site.database.exec('DELETE FROM django_session');
      const key = prepare(site);
      const before = site.texts();
      const started = performance.now();
      const answer = await sendCookie(site, Buffer.from(`sessionid=${key}`));
      expect([name, withoutDate(answer)]).toEqual([name, expected]);
      expect([name, performance.now() - started < 2000]).toEqual([name, true]);
      expect([name, site.texts()]).toEqual([name, before]);
    }
    expect(site.errors).toEqual([]);
  }, 30_000);

  it.each(Object.entries(corrupt))(
    'a row that is %s stays as it is, and a later write gets a new key',
    async (_, makeText) => {
      const site = await startSite(readOrWrite);
      const text = makeText();
      site.putText(KEY, text);
      const answer = await site.request({ key: KEY, path: '/write' });
      const key = keyOf(answer) ?? '';
      expect(answer.status).toBe(200);
      expect(key).toMatch(/^[a-z0-9]{32}$/);
      expect(key).not.toBe(KEY);
      const texts = site.texts();
      expect(Object.keys(texts).sort()).toEqual([KEY, key].sort());
      expect(texts[KEY] === text).toBe(true);
      expect(site.events).toContainEqual(
        expect.objectContaining({ reason: expect.stringMatching(/tampered|corrupt/) }),
      );
    },
  );

  it('include a row with any single bit flipped', async () => {
    const site = await startSite(read);
    site.putText(KEY, good);
    expect((await site.request({ key: KEY })).body).toBe('a secret of the session');
    const update = site.database.prepare('UPDATE django_session SET session_data = ?');
    for (let position = 0; position < good.length; position += 1) {
      for (const bit of [0, 1, 5, 6]) {
        update.run(flipped(good, position, bit));
        const answer = await site.request({ key: KEY });
        expect([position, bit, answer.status, answer.body]).toEqual([
          ...[position, bit, 200, 'nothing'],
        ]);
      }
    }
    expect(site.errors).toEqual([]);
  }, 30_000);

  it('cannot be ended: flush and cycleKey leave a corrupt row and send no deletion', async () => {
    const site = await startSite((ctx) =>
      ctx.path === '/flush' ? ctx.session.flush() : ctx.session.cycleKey(),
    );
    site.putText(KEY, 'corrupt');
    expect((await site.request({ key: KEY, path: '/flush' })).setCookie).toEqual([]);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    expect(site.texts()).toEqual({ [KEY]: 'corrupt' });
  });
});

describe('a row with names that JavaScript treats specially', () => {
  const json =
    '{"__proto__":{"admin":true,"a":"polluted"},"constructor":{"prototype":{"admin":true}},"toString":1,"hasOwnProperty":2,"list":{"__proto__":{"admin":true}}}';

  it('changes no object of the application', async () => {
    const site = await startSite((ctx) => {
      const { session } = ctx;
      const list = session.get('list') as { admin?: unknown };
      const proto = session.get('__proto__') as object;
      ctx.body = [
        ...[session.get('a', 'none'), session.get('admin', 'none'), session.data.admin ?? 'none'],
        ...[list.admin ?? 'none', ({} as { admin?: unknown }).admin ?? 'none'],
        ...[session.keys(), Object.keys(proto), session.get('toString')],
      ];
    });
    site.putText(KEY, signedJson(json));
    expect(JSON.parse((await site.request({ key: KEY })).body)).toEqual([
      ...Array(5).fill('none'),
      ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'list'],
      ['admin', 'a'],
      1,
    ]);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it('comes out of a write as it went in', async () => {
    const site = await startSite(readOrWrite);
    site.putText(KEY, signedJson(json));
    expect((await site.request({ key: KEY, path: '/write' })).status).toBe(200);
    const [payload = ''] = (site.texts()[KEY] ?? '').split(':');
    const text = Buffer.from(payload, 'base64url').toString();
    expect(text).toBe(`${json.slice(0, -1)},"b":2}`);
  });
});

describe('a locked database', () => {
  const busyTimeoutMs = 200;
  const settings = { operationTimeoutMs: 400 };

  it.each([
    ['changes a session', KEY],
    ['creates one', undefined],
  ])('answers 503 to a request that %s, in time, and loses nothing', async (_, key) => {
    const site = await startSite(readOrWrite, { settings, sqlite: { busyTimeoutMs } });
    site.put(KEY, { a: 1 });
    const sent = { path: '/write', ...(key !== undefined && { key }) };
    site.database.exec('BEGIN IMMEDIATE');

    const started = performance.now();
    expect(await site.request(sent)).toMatchObject({ status: 503, setCookie: [] });
    expect(performance.now() - started).toBeLessThan(5 * busyTimeoutMs);
    // Readers are not in the way of a writer.
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, body: '1' });
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });

    site.database.exec('ROLLBACK');
    const answer = await site.request(sent);
    expect(answer.status).toBe(200);
    expect(site.rows()).toMatchObject({ [keyOf(answer) ?? '']: { b: 2 } });
  });

  it.each<[string, Handler]>([
    ['flush', (ctx) => ctx.session.flush()],
    ['cycleKey', (ctx) => ctx.session.cycleKey()],
    ['save', (ctx) => ctx.session.set('b', 2).save()],
  ])('answers 503 to %s, and takes no cookie away', async (_, handler) => {
    const site = await startSite(handler, { settings, sqlite: { busyTimeoutMs } });
    site.put(KEY, { a: 1 });
    site.database.exec('BEGIN IMMEDIATE');
    expect(await site.request({ key: KEY })).toMatchObject({ status: 503, setCookie: [] });
    site.database.exec('ROLLBACK');
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('that is free again in time is waited for', async () => {
    const site = await startSite(readOrWrite, { sqlite: { busyTimeoutMs: 900 } });
    site.put(KEY, { a: 1 });
    site.database.exec('BEGIN IMMEDIATE');
    const answer = site.request({ key: KEY, path: '/write' });
    // Another request has come and gone meanwhile.
    await site.request({ key: KEY });
    site.database.exec('COMMIT');
    expect((await answer).status).toBe(200);
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
  });
});

describe('a full database', () => {
  it.each([
    ['changes a session', KEY],
    ['creates one', undefined],
  ])('answers no 2xx to a request that %s, and loses nothing', async (_, key) => {
    const database = openDatabase(path.join(newDirectory(), 'full.sqlite3'));
    const site = await startSite(
      (ctx) => {
        if (ctx.path === '/write') ctx.session.set('big', randomBytes(20_000).toString('hex'));
        else read(ctx);
      },
      { sqlite: { database } },
    );
    site.put(KEY, { a: 1 });
    database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`);
    const sent = { path: '/write', ...(key !== undefined && { key }) };

    const answer = await site.request(sent);
    expect([500, 503]).toContain(answer.status);
    expect(answer.setCookie).toEqual([]);
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, body: '1' });
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
    expect(site.errors).toEqual([expect.objectContaining({ name: 'BackendUnavailable' })]);

    database.pragma('max_page_count = 1000000');
    const later = await site.request(sent);
    expect(later.status).toBe(200);
    expect(Object.keys(site.rows())).toContain(keyOf(later));
  });
});
