import { redisBackend } from '@coatcheck/cache';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WriteBatches } from '../src/write-batches.ts';
import { describeWithServers } from './redis.ts';

function socket(): { cork(): void; uncork(): void; readonly calls: string[] } {
  const calls: string[] = [];
  return { cork: () => calls.push('cork'), uncork: () => calls.push('uncork'), calls };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what is written at one moment', () => {
  it('is held back once, until the events that are there have been handled', async () => {
    const batches = new WriteBatches();
    const held = socket();
    batches.hold(held);
    await Promise.resolve();
    batches.hold(held);
    process.nextTick(() => batches.hold(held));
    expect(held.calls).toEqual(['cork']);
    await nextTurn();
    expect(held.calls).toEqual(['cork', 'uncork']);
    batches.hold(held);
    await nextTurn();
    expect(held.calls).toEqual(['cork', 'uncork', 'cork', 'uncork']);
  });

  it('is let go on the socket that it was held back on, whatever has replaced that', async () => {
    const batches = new WriteBatches();
    const [first, second] = [socket(), socket()];
    batches.hold(first);
    batches.hold(second);
    batches.hold(undefined);
    await nextTurn();
    for (const { calls } of [first, second]) expect(calls).toEqual(['cork', 'uncork']);
    batches.hold(second);
    await nextTurn();
    expect(second.calls).toHaveLength(4);
  });
});

describeWithServers('commands of one moment', () => {
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
});
