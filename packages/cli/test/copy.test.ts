import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, loadSessions } from '@coatcheck/config';
import type { InspectedSession } from '@coatcheck/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { Here } from './coatcheck-here.ts';

let here: Here;

beforeEach(() => {
  here = new Here();
});

afterEach(() => here.remove());

/** A configuration file with such settings. */
function config(name: string, settings: object): string {
  writeFileSync(join(here.directory, name), JSON.stringify(settings));
  return name;
}

/** What is in the place that a configuration file describes, by key. */
async function contents(file: string): Promise<Map<string, InspectedSession>> {
  const { settings } = await loadConfig({ cwd: here.directory, env: here.env, file });
  const sessions = await loadSessions(settings, { cwd: here.directory });
  const found = new Map<string, InspectedSession>();
  for await (const batch of sessions.inspector.scan()) {
    for (const session of batch.sessions) found.set(session.key, session);
  }
  await sessions.close();
  return found;
}

describe('coatcheck copy', () => {
  it('refuses where sessions are moved already, each when it is used', async () => {
    await here.store({ n: 1 });
    const from = config('a.json', {});
    const to = config('b.json', { db: { url: 'sqlite:./other.sqlite3' }, migratingFrom: {} });
    await here.coatcheck(`migrate --config ${to}`);
    const { code, stderr } = await here.coatcheck(`copy --from ${from} --to ${to}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^The configuration of --to has migratingFrom, .*\n$/);
    expect((await contents(to)).size).toBe(0);
  });

  it('copies live sessions, with keys, data and expiry; again, it changes nothing', async () => {
    const keys: string[] = [];
    for (let n = 0; n < 45; n += 1) keys.push(await here.store({ n, big: 'x'.repeat(n * 40) }));
    await here.store({ n: -1 }, new Date(Date.now() - 1000));
    const from = config('a.json', {});
    const to = config('b.json', { db: { url: 'sqlite:./other.sqlite3' } });
    await here.coatcheck(`migrate --config ${to}`);
    const args = `copy --from ${from} --to ${to} --batch 10`;
    expect((await here.coatcheck(`${args} --dry-run`)).stdout).toBe('Would copy 45 sessions.\n');
    expect((await contents(to)).size).toBe(0);
    expect(await here.coatcheck(args)).toEqual({
      code: 0,
      stdout: 'Copied 45 sessions; 0 had been there already.\n',
      stderr: '',
    });
    const [before, after] = [await contents(from), await contents(to)];
    expect([...after.keys()]).toEqual(keys.sort());
    for (const [key, { data, expiresAt }] of after) {
      expect({ data, expiresAt }).toEqual({
        data: before.get(key)?.data,
        expiresAt: before.get(key)?.expiresAt,
      });
    }
    expect((await here.coatcheck(args)).stdout).toBe(
      'Copied 0 sessions; 45 had been there already.\n',
    );
  });

  describeWithRedis('with Redis', (redis) => {
    it('goes there and back, where the form is another one', async () => {
      const key = await here.store({ name: 'Zoë', list: [1, 2.5, null] });
      const { url, keyPrefix } = redis;
      const from = config('a.json', {});
      const cache = config('r.json', { engine: 'cache', cache: { url, keyPrefix } });
      const back = config('b.json', { db: { url: 'sqlite:./back.sqlite3' } });
      await here.coatcheck(`migrate --config ${back}`);
      for (const args of [`--from ${from} --to ${cache}`, `--from ${cache} --to ${back}`]) {
        expect((await here.coatcheck(`copy ${args}`)).stdout).toMatch(/^Copied 1 session;/);
      }
      const original = (await contents(from)).get(key);
      const copied = (await contents(back)).get(key);
      expect([...(copied?.entries ?? [])].sort()).toEqual([...(original?.entries ?? [])].sort());
      const difference = Number(original?.expiresAt) - Number(copied?.expiresAt);
      expect(Math.abs(difference)).toBeLessThan(60_000);
    });
  });

  it('hashes keys on the way, and refuses the way back', async () => {
    const key = await here.store({ n: 1 });
    const from = config('a.json', {});
    const hashed = config('h.json', { hashKeys: true, db: { url: 'sqlite:./hashed.sqlite3' } });
    const plain = config('p.json', { db: { url: 'sqlite:./plain.sqlite3' } });
    for (const file of [hashed, plain]) await here.coatcheck(`migrate --config ${file}`);
    expect((await here.coatcheck(`copy --from ${from} --to ${hashed}`)).code).toBe(0);
    const [found] = (await contents(hashed)).keys();
    expect(found).toMatch(/^[a-f0-9]{64}$/);
    expect((await here.coatcheck(`sessions show ${key} --config ${hashed}`)).stdout).toMatch(
      /^n: 1$/m,
    );
    const { code, stdout, stderr } = await here.coatcheck(`copy --from ${hashed} --to ${plain}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^The keys in --from are hashed [^\n]*set hashKeys there too\.\n$/);
    expect((await contents(plain)).size).toBe(0);
  });

  it('stopped half-way and run again, copies each once', async () => {
    for (let n = 0; n < 30; n += 1) await here.store({ n });
    const from = config('a.json', {});
    const to = config('b.json', { db: { url: 'sqlite:./other.sqlite3' } });
    await here.coatcheck(`migrate --config ${to}`);
    const controller = new AbortController();
    const args = `copy --from ${from} --to ${to} --batch 7`;
    const stopped = await here.coatcheck(args, {
      signal: controller.signal,
      isTerminal: true,
      stderr: () => controller.abort(),
    });
    expect(stopped.code).toBe(130);
    expect((await contents(to)).size).toBe(7);
    expect((await here.coatcheck(args)).stdout).toBe(
      'Copied 23 sessions; 7 had been there already.\n',
    );
    expect([...(await contents(to)).keys()]).toEqual([...(await contents(from)).keys()]);
  });

  it.each([
    ['--from a.json --to signed.json', /cannot be copied into cookies/],
    ['--from signed.json --to a.json', /SignedCookiesBackend cannot list its sessions/],
    ['--from a.json --to missing.json', /missing\.json/],
    [
      '--from a.json --to empty.json',
      /^The table of the engine 'db' is missing: run coatcheck migrate/,
    ],
    [
      '--from a.json --to redis://127.0.0.1:1',
      /^The server of the session engine 'cache' does not answer/,
    ],
    [
      '--from postgres://127.0.0.1:1/x --to a.json',
      /^The server of the session engine 'db' does not/,
    ],
  ])('says in one sentence what is wrong with %s', async (args, expected) => {
    await here.store({ n: 1 });
    config('a.json', {});
    config('signed.json', { engine: 'signed_cookies' });
    config('empty.json', { db: { url: 'sqlite:./empty.sqlite3' } });
    const { code, stdout, stderr } = await here.coatcheck(`copy ${args}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(expected);
    expect(stderr).toMatch(/^[^\n]*\.\n$/);
  });
});
