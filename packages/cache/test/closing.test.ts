import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  freePort,
  type RedisServers,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  typescriptLoader,
} from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeWithServers } from './redis.ts';
import { type SilentServer, startSilentServer } from './silent-server.ts';

jest.setTimeout(60_000);

const child = path.join(import.meta.dirname, 'closing-process.ts');
const options = ['--conditions=@coatcheck/source', '--import', typescriptLoader, child];

/** Ends by itself, or the test fails; milliseconds from there on that the process is kept by what is left behind. */
async function kept(url: string, waitReplicas = 0): Promise<number> {
  const args = [...options, url, String(waitReplicas)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  expect(stderr).toBe('');
  return Number(stdout);
}

/** An outer bound for the times after which connections that do not end are given up: half a second, and a quarter. */
const SOON_MS = 1700;

describe('a process whose backend is closed ends', () => {
  let silent: SilentServer;
  let deadPort: number;
  beforeEach(async () => {
    silent = await startSilentServer();
    deadPort = await freePort();
  });
  afterEach(() => silent.stop());

  it.each(['redis://HOST', 'redis+sentinel://HOST/sessions', 'redis+cluster://HOST'])(
    'where nobody answers: %s',
    async (url) => {
      const hosts = [`127.0.0.1:${deadPort}`, `127.0.0.1:${silent.port}`];
      for (const host of hosts) {
        expect(await kept(url.replace('HOST', host))).toBeLessThan(SOON_MS);
      }
    },
  );

  it('where no Sentinel tells of the replicas that have to confirm its writes', async () => {
    const url = `redis+sentinel://127.0.0.1:${deadPort}/sessions`;
    expect(await kept(url, 1)).toBeLessThan(SOON_MS);
  });
});

describeWithServers('a process whose backend is closed ends, on real servers', () => {
  it('that answer', async () => {
    const server = await startRedis();
    expect(await kept(server.url).finally(() => server.stop())).toBeLessThan(SOON_MS);
  });

  it.each([
    ['behind Sentinels', startRedisSentinel],
    ['in a cluster', startRedisCluster],
  ])('%s, whether they answer or not', async (_, start) => {
    const servers: RedisServers = await start();
    try {
      expect(await kept(servers.url)).toBeLessThan(SOON_MS);
      await servers.servers[0]?.signal('SIGSTOP');
      expect(await kept(servers.url)).toBeLessThan(SOON_MS);
      for (const server of servers.servers) await server.signal('SIGKILL');
      expect(await kept(servers.url)).toBeLessThan(SOON_MS);
    } finally {
      await servers.stop();
    }
  });
});
