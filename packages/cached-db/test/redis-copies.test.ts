import { execFileSync } from 'node:child_process';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { describeWithServers } from '../../cache/test/redis.ts';
import { RedisCopies, type RedisCopiesOptions } from '../src/redis-copies.ts';
import { until } from './until.ts';

jest.setTimeout(60_000);

const NAME = 'shop:2:django.contrib.sessions.cached_db';
const JOURNAL = 'shop:2:coatcheck.django_cache.written';
const KNOWN = 'shop:2:coatcheck.django_cache.server';
const [a, b] = ['a'.repeat(32), 'b'.repeat(32)];

describeWithServers("copies in Django's Redis", () => {
  let server: RedisServer;
  let opened: RedisCopies[];
  let failures: unknown[];
  beforeEach(async () => {
    server = await startRedis();
    opened = [];
    failures = [];
  });
  afterEach(async () => {
    for (const copies of opened) await copies.close();
    await server.stop();
  });

  function open(options: RedisCopiesOptions = { url: server.url }): RedisCopies {
    const copies = new RedisCopies({ keyPrefix: 'shop', version: 2, ...options }, (error) =>
      failures.push(error),
    );
    opened.push(copies);
    return copies;
  }
  const put = (key: string) => server.command('set', NAME + key, 'a copy', 'px', '9999999');
  const has = async (key: string) => (await server.command('exists', NAME + key)) === '1';
  const listening = async (count: number) => {
    const numsub = () => server.command('pubsub', 'numsub', '__redis__:invalidate');
    await until(async () => (await numsub()).endsWith(`\n${count}`));
    // Then it looks for what it missed, and notes that it knows the server.
    await until(async () => (await server.command('exists', KNOWN)) === '1');
  };

  it('are removed for certain', async () => {
    const copies = open();
    await listening(1);
    await put(a);
    await put(b);
    await server.command('set', `${NAME.replace('shop', 'other')}${a}`, 'of another application');
    await copies.drop(a);
    expect([await has(a), await has(b)]).toEqual([false, true]);
    await copies.dropAgain([a, b]);
    expect(await has(b)).toBe(false);
    expect(await server.command('exists', `${NAME.replace('shop', 'other')}${a}`)).toBe('1');
  });

  it('that are put back after a write are removed as soon as that is heard, by whoever hears it', async () => {
    const [one, other] = [open(), open()];
    await listening(2);
    await one.drop(a);
    await put(a);
    await until(async () => !(await has(a)));
    await one.close();
    opened.splice(0, 1);
    await listening(1);
    await put(a);
    await until(async () => !(await has(a)));
    expect(other).toBeDefined();
  });

  it('of what was not written lately are left alone', async () => {
    const copies = open();
    await listening(1);
    await copies.drop(a);
    await server.command('zadd', JOURNAL, String(Date.now() - 60_001), b);
    await put(b);
    await put(a);
    await until(async () => !(await has(a)));
    expect(await has(b)).toBe(true);
  });

  it('that were put back while nobody listened are removed by the next who does', async () => {
    const copies = open();
    await listening(1);
    await copies.drop(a);
    await copies.close();
    opened.pop();
    await put(a);
    await put(b);
    open();
    await until(async () => !(await has(a)));
    expect(await has(b)).toBe(true);
  });

  it('that were put back while the connection was lost are removed on the next one', async () => {
    const copies = open();
    await listening(1);
    await copies.drop(a);
    const input = `MULTI\nCLIENT KILL TYPE pubsub\nSET ${NAME}${a} copy\nEXEC\n`;
    const reply = execFileSync('redis-cli', ['-p', String(server.port)], { input });
    expect(String(reply)).toMatch(/QUEUED\n1\nOK\n$/);
    await until(async () => !(await has(a)));
  });

  it('are removed a last time when their write is forgotten, by whoever writes next', async () => {
    // Nobody can listen.
    await server.command('acl', 'setuser', 'deaf', 'on', '>x', '~*', '+@all', '-client|tracking');
    const copies = open({ url: server.url.replace('//', '//deaf:x@') });
    await until(() => failures.length > 0);
    expect(failures).toEqual([expect.objectContaining({ code: 'NOTTOLD' })]);
    await until(async () => (await server.command('exists', KNOWN)) === '1');
    // As if the one who wrote it had died.
    await server.command('zadd', JOURNAL, String(Date.now() - 60_001), a);
    await put(a);
    await copies.drop(b);
    expect(await has(a)).toBe(false);
    expect(await server.command('zrange', JOURNAL, '0', '-1')).toBe(b);
    // Nobody tells this one.
    await put(b);
    await copies.drop(a);
    expect(await has(b)).toBe(true);
  });

  it('are all removed, and none is put back, where sessions end that nobody can name', async () => {
    const copies = open();
    await listening(1);
    const keys = Array.from({ length: 50 }, (_, i) => String(i).padStart(32, 'k'));
    for (const key of keys) await put(key);
    await copies.dropAll();
    for (const key of keys) expect(await has(key)).toBe(false);
    await put(a);
    await until(async () => !(await has(a)));
  });

  it('of a server that nobody knows yet are all removed', async () => {
    await put(a);
    const copies = open();
    await until(async () => !(await has(a)));
    await put(b);
    await copies.close();
    opened.pop();
    open();
    await listening(1);
    expect(await has(b)).toBe(true);
  });

  it('are left to the next process where this one ends before it has removed them all', async () => {
    const many = 20_000;
    const fill = `for i = 1, ${many} do redis.call('SET', ARGV[1] .. string.format('%032d', i), 'x') end`;
    await server.command('eval', fill, '0', NAME);
    const left = async () => Number(await server.command('dbsize'));
    const copies = open();
    await until(async () => (await left()) < many);
    await copies.close();
    opened.pop();
    const isKnown = await server.command('exists', KNOWN);
    expect({ isKnown, hasCopies: (await left()) > Number(isKnown) }).not.toEqual({
      isKnown: '1',
      hasCopies: true,
    });
    open();
    await listening(1);
    expect(await left()).toBe(1);
  });

  it('are reported as not removed where the journal cannot be kept', async () => {
    const copies = open();
    await listening(1);
    await server.command('set', JOURNAL, 'not a journal');
    await expect(copies.drop(a)).rejects.toMatchObject({ code: 'WRONGTYPE' });
  });
});
