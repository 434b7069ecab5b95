import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, chownSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** A server for tests: one that the environment names, else one that is started for them. */
export interface TestServer {
  /** Why its tests cannot run; `undefined` when they can. */
  readonly missing: string | undefined;
  /** Starts it if need be. Its URL. */
  start(): Promise<string>;
  /** Stops it and removes its files, if it was started here. */
  stop(): Promise<void>;
  /** What was started here, to be stopped, killed and started again by tests; one that was found has none. */
  readonly own: PrivateServer | undefined;
}

/** How to start a server of one's own. */
export interface ServerProgram {
  /** Makes the files of a new server in the directory. */
  prepare(directory: string, run: Run): Promise<unknown>;
  /** The program and its arguments. */
  command(directory: string, port: number): readonly [string, ...string[]];
  /** What it writes to its standard error as soon as it takes connections. */
  readonly ready: string;
  url(port: number): string;
  /** The account to run it under where the tests run as root. */
  readonly account: string;
  /** Where its directory is made. @default the system's directory for temporary files */
  readonly within?: (() => string) | undefined;
}

/** Runs a program to its end. */
export type Run = (file: string, ...args: string[]) => Promise<unknown>;

/**
 * The server that the variable of the environment names, else one of our own.
 *
 * @param program how to start it; `undefined` where it is not installed.
 * @throws where there is neither and `REQUIRE_SERVICES` is 1.
 */
export function testServer(
  name: string,
  variable: string,
  program: ServerProgram | undefined,
): TestServer {
  const found = process.env[variable];
  if (found) {
    return { missing: undefined, own: undefined, start: async () => found, stop: async () => {} };
  }
  if (!program) {
    const missing = `${name} is not installed, and ${variable} names none`;
    if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${missing}.`);
    return { missing, own: undefined, start: () => Promise.reject(missing), stop: async () => {} };
  }
  const own = new PrivateServer(program);
  return { missing: undefined, own, start: () => own.start(), stop: () => own.stop() };
}

/** The first of these files that can be executed. */
export function findProgram(...candidates: readonly string[]): string | undefined {
  const directories = (process.env.PATH ?? '').split(':');
  const files = candidates.flatMap((name) =>
    path.isAbsolute(name) ? [name] : directories.map((directory) => path.join(directory, name)),
  );
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A server on a free port of the loopback interface, with a directory of its own. */
export class PrivateServer {
  readonly #program: ServerProgram;
  #directory: string | undefined;
  #port = 0;
  #process: ChildProcess | undefined;
  #guard: ChildProcess | undefined;

  constructor(program: ServerProgram) {
    this.#program = program;
  }

  /** Its process, for signals. */
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('The server is not running.');
    return this.#process.pid;
  }

  /** Starts it, the first time with new files, later with those it left and on the same port. Its URL. */
  async start(): Promise<string> {
    const account = accountOf(this.#program.account);
    if (this.#directory === undefined) {
      this.#directory = mkdtempSync(
        path.join((this.#program.within ?? tmpdir)(), 'coatcheck-server-'),
      );
      if (account) chownSync(this.#directory, account.uid, account.gid);
      const options = { cwd: this.#directory, env: environment, ...account };
      await this.#program.prepare(this.#directory, (file, ...args) =>
        promisify(execFile)(file, args, options),
      );
      this.#port = await freePort();
    }
    const [file, ...args] = this.#program.command(this.#directory, this.#port);
    this.#process = await startServer(file, args, this.#program.ready, {
      cwd: this.#directory,
      env: environment,
      ...account,
    });
    this.#guard = guard(this.pid, this.#directory);
    return this.#program.url(this.#port);
  }

  /** Ends its process, by default at once; its files stay. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    this.#guard?.kill('SIGKILL');
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }

  /** Ends its process and removes its files. */
  async stop(): Promise<void> {
    await this.kill();
    if (this.#directory) rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
    this.#directory = undefined;
  }
}

// Messages in English, and none of the variables that clients of the servers read.
const environment = { PATH: process.env.PATH, LC_ALL: 'C' };

function startServer(
  file: string,
  args: string[],
  ready: string,
  options: SpawnOptions,
): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const server = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    server.stderr?.on('data', (chunk) => {
      if (log === ready) return;
      log += chunk;
      if (!log.includes(ready)) return;
      log = ready;
      resolve(server);
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`${file} ended (${code}) with: ${log}`)));
  });
}

/** Ends the server when this process ends without having done so: then the shell reads the end of its input. */
function guard(pid: number, directory: string): ChildProcess {
  const script = 'read -r _; kill -9 "$1"; sleep 1; rm -rf "$2"';
  return spawn('sh', ['-c', script, 'sh', String(pid), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
}

/** An account that is not root, where this process is. */
function accountOf(name: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const [, , uid, gid] =
    accounts.find(([account]) => account === name) ??
    accounts.find(([account]) => account === 'nobody') ??
    [];
  return { uid: Number(uid), gid: Number(gid) };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
