import { execFileSync } from 'node:child_process';
import type { PrivateServer, RedisServer } from '@coatcheck/test-support';
import type { FaultyServer } from './place.ts';

/** Milliseconds for which a server is started again and again: what a killed one left may be in its way at first. */
const PATIENCE_MS = 20_000;

/** A database server as something to be broken. */
export function faultyServer(server: PrivateServer): FaultyServer {
  const signalAll = (signal: NodeJS.Signals): void => {
    for (const pid of withChildren(server.pid)) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // A process that served one connection may have ended.
        if ((error as { code?: unknown }).code !== 'ESRCH') throw error;
      }
    }
  };
  return {
    pause: async () => signalAll('SIGSTOP'),
    resume: async () => signalAll('SIGCONT'),
    kill: () => server.kill(),
    start: () => started(async () => void (await server.start())),
  };
}

/** A Redis as something to be broken. */
export function faultyRedis(server: RedisServer): FaultyServer {
  return {
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    kill: () => server.signal('SIGKILL'),
    start: () => started(() => server.start()),
    hang: async (ms) => void (await server.command('client', 'pause', String(ms), 'ALL')),
  };
}

async function started(start: () => Promise<void>): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** PostgreSQL serves each connection in a process of its own. */
function withChildren(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return [pid, ...rows.flatMap(([child = 0, parent]) => (parent === pid ? [child] : []))];
}
