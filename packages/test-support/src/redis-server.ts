import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How a server is started. */
export interface RedisServerOptions {
  /** Directives by name, as in redis.conf. */
  readonly config?: Readonly<Record<string, string>>;
  /** Makes it a Sentinel: the names and addresses that it watches, as in sentinel.conf after `sentinel`. */
  readonly sentinel?: readonly string[];
}

/** A Redis server of the tests' own, on a loopback port, with a directory of its own. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly directory: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  /** Made by `startRedis`. */
  constructor(port: number, { config = {}, sentinel }: RedisServerOptions) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-redis-'));
    const directives = { bind: '127.0.0.1', port: String(port), dir: this.directory, ...config };
    if (sentinel) {
      // Sentinels keep what they learn in their configuration, so that it has to be a file.
      const file = path.join(this.directory, 'sentinel.conf');
      const lines = Object.entries(directives).map(([name, value]) => `${name} ${value}\n`);
      writeFileSync(file, [...lines, ...sentinel.map((line) => `sentinel ${line}\n`)].join(''));
      this.#args = [file, '--sentinel'];
    } else {
      const all = { save: '', appendonly: 'no', ...directives };
      this.#args = Object.entries(all).flatMap(([name, value]) => [
        `--${name}`,
        ...value.split(' '),
      ]);
    }
  }

  /** Starts the process, for the first time or after it ended, and waits until it answers. */
  async start(): Promise<void> {
    const server = spawn('redis-server', this.#args, { stdio: 'ignore' });
    this.#process = server;
    endWithThisProcess(server);
    const ended = once(server, 'exit').then(() => 'ended' as const);
    for (let attempt = 0; attempt < 500; attempt++) {
      const answer = await Promise.race([this.command('ping').catch(() => ''), ended]);
      if (answer === 'ended') throw new Error('redis-server ended by itself; is its port taken?');
      if (/PONG|NOAUTH/.test(answer)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('redis-server does not answer.');
  }

  /** Runs a command by redis-cli. */
  async command(...args: string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args]);
    return stdout.trim();
  }

  /** Sends the signal to the process: `SIGSTOP` and `SIGCONT` pause it, `SIGKILL` ends it as a crash does. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await once(server, 'exit');
  }

  /** Ends the process and removes its directory. */
  async stop(): Promise<void> {
    await this.signal('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts the installed `redis-server` on a free loopback port, with nothing kept on disk unless `config` says so. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = new RedisServer(await freePort(), options);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

const running = new Set<ChildProcess>();

function endWithThisProcess(server: ChildProcess): void {
  if (running.size === 0) process.once('exit', endAll);
  running.add(server);
  server.once('exit', () => {
    running.delete(server);
    if (running.size === 0) process.off('exit', endAll);
  });
}

function endAll(): void {
  for (const server of running) server.kill('SIGKILL');
}

/** A loopback port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}

/**
 * Why tests on a real Redis have to be skipped, or `undefined`: they can run.
 *
 * @throws {Error} instead of a reason where `REQUIRE_SERVICES=1`.
 */
export function redisIsMissing(): string | undefined {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    execFileSync('redis-cli', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    const reason = 'redis-server and redis-cli are not installed';
    if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${reason}, and REQUIRE_SERVICES=1.`);
    return reason;
  }
}
