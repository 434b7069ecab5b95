import { spawnSync } from 'node:child_process';
import { redisBackend } from '@coatcheck/cache';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WriteBatches } from '../src/write-batches.ts';
import { describeWithServers } from './redis.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('commands of one moment', () => {
  const calls: string[] = [];
  const socket = { cork: () => calls.push('cork'), uncork: () => calls.push('uncork') };
  const send = (name: string) => () => void calls.push(name);
  beforeEach(() => void calls.splice(0));

  it('are sent together once the events that are there have been handled', async () => {
    const batches = new WriteBatches(() => [socket]);
    batches.add(send('one'));
    await Promise.resolve();
    batches.add(send('two'));
    process.nextTick(() => batches.add(send('three')));
    expect(calls).toEqual([]);
    await nextTurn();
    const first = ['cork', 'one', 'two', 'three', 'uncork'];
    expect(calls).toEqual(first);
    batches.add(send('four'));
    await nextTurn();
    expect(calls).toEqual([...first, 'cork', 'four', 'uncork']);
  });

  it('leave out those that they bring about', async () => {
    const batches = new WriteBatches(() => [socket]);
    batches.add(() => batches.add(send('later')));
    await nextTurn();
    expect(calls).toEqual(['cork', 'uncork']);
    await nextTurn();
    expect(calls).toEqual(['cork', 'uncork', 'cork', 'later', 'uncork']);
  });

  it('are sent where there is no socket, too, for the client to refuse', async () => {
    const batches = new WriteBatches(() => []);
    batches.add(send('one'));
    await nextTurn();
    expect(calls).toEqual(['one']);
  });
});

describeWithServers('on a server, commands of one moment', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('reach the server in one packet', async () => {
    const backend = redisBackend({ url: server.url });
    const key = 'a'.repeat(32);
    await backend.load(key);
    /** Packets of any client; asking is one of them. */
    const packets = async (): Promise<number> => {
      const stats = String(await server.command('info', 'stats'));
      return Number(/total_reads_processed:(\d+)/.exec(stats)?.[1]);
    };
    const asking = -((await packets()) - (await packets()));
    const before = await packets();
    await Promise.all(Array.from({ length: 50 }, () => backend.load(key)));
    expect((await packets()) - before - asking).toBe(1);
    await backend.close();
  });

  it('are done although the connection ended while the process was busy', async () => {
    const backend = redisBackend({ url: server.url });
    const record = (data: string) => {
      const expiresAt = new Date(Date.now() + 3_600_000);
      return { key: 'b'.repeat(32), data, expiresAt, attributes: {} };
    };
    await backend.create(record('first'));
    // Due when the process has time again, and so before the end of the connection, which then is there as well.
    const due = new Promise((resolve) => setTimeout(resolve));
    const killed = spawnSync('redis-cli', ['-u', server.url, 'client', 'kill', 'type', 'normal']);
    expect(String(killed.stdout)).toMatch(/^\d+\s*$/);
    await due;
    const [updated, loaded] = await Promise.all([
      backend.update(record('second'), 'first'),
      backend.load('a'.repeat(32)),
    ]);
    expect([updated.base, loaded]).toEqual(['second', undefined]);
    await backend.close();
  });
});
