import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { typescriptLoader } from '@coatcheck/test-support';
import type { LeakWatch } from './leak-watch.ts';
import type { SiteCommand, SiteReport, SiteSettings } from './site-settings.ts';

/** What a client got, and when: milliseconds of `performance.now`. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** The session's cookie, if it was set: a key, or nothing where it was deleted. */
  readonly cookie: string | undefined;
  /** Whether the site said that a write may have been done although it failed. */
  readonly ambiguous: boolean;
  readonly start: number;
  readonly end: number;
}

/** A request that got no answer. */
export interface NoAnswer {
  readonly status: undefined;
  /** `ECONNREFUSED` is the one that says that nothing was done. */
  readonly code: string;
  readonly start: number;
  readonly end: number;
}

const PROCESS = fileURLToPath(new URL('./site-process.ts', import.meta.url));
const COOKIE = /^sessionid=([^;]*)/;
/** Milliseconds after which a request counts as hanging for good. */
const PATIENCE_MS = 30_000;

/** A Koa application in a process of its own, which can be paused, killed and started again. */
export class Site {
  readonly #settings: SiteSettings;
  readonly #watch: LeakWatch;
  readonly #agent = new http.Agent({ keepAlive: true });
  #process: ChildProcess | undefined;
  #port = 0;

  constructor(settings: SiteSettings, watch: LeakWatch) {
    this.#settings = settings;
    this.#watch = watch;
  }

  /** Starts the process, for the first time or after it ended. */
  async start(): Promise<void> {
    const { mostFiles } = this.#settings;
    const limit = mostFiles === undefined ? '' : `ulimit -n ${mostFiles}; `;
    const child = spawn(
      'sh',
      [
        ...['-c', `${limit}exec "$@"`, 'sh', process.execPath, '--conditions=@coatcheck/source'],
        ...['--import', typescriptLoader, PROCESS, JSON.stringify(this.#settings)],
      ],
      // What drivers print at DEBUG=* themselves is theirs: ioredis prints every command with its arguments.
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: { ...process.env, DEBUG: '*,-ioredis:*', NODE_ENV: 'test' },
      },
    );
    this.#process = child;
    let errors = '';
    // Each process has streams of its own: a key may lie across two pieces of one, with one of another between.
    const [stdout, stderr] = [`stdout of ${child.pid}`, `stderr of ${child.pid}`];
    child.stdout?.setEncoding('utf8').on('data', (text) => this.#watch.lookOn(stdout, text));
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      errors = (errors + text).slice(-2000);
      this.#watch.lookOn(stderr, text);
    });
    const ended = once(child, 'exit');
    const [port] = await Promise.race([once(child, 'message'), ended]);
    if (child.exitCode !== null || typeof port !== 'number') {
      if (child.signalCode !== null) return;
      throw new Error(`The site did not start: ${errors}`);
    }
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  get isRunning(): boolean {
    const child = this.#process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Sends a signal; resolves once the process has ended where the signal ends it. The exit code. */
  async signal(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (!child || !this.isRunning) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(signal);
    if (signal !== 'SIGKILL' && signal !== 'SIGTERM') return null;
    await ended;
    return child.exitCode;
  }

  /** Moves the clock of the process. */
  setClock(clockOffsetMs: number): void {
    if (this.#process?.connected) this.#process.send({ clockOffsetMs } satisfies SiteCommand);
  }

  /** What the process has to say of itself. */
  async report(): Promise<SiteReport> {
    const child = this.#process;
    if (!child?.connected) throw new Error('The site is not running.');
    child.send({ report: true } satisfies SiteCommand);
    const [report] = await once(child, 'message');
    return report as SiteReport;
  }

  /** Sends a request with the session key as its cookie; it never throws. */
  request(path: string, key?: string): Promise<Answer | NoAnswer> {
    const start = performance.now();
    const headers = key === undefined ? {} : { cookie: `sessionid=${key}` };
    const options = { port: this.#port, host: '127.0.0.1', path, headers, agent: this.#agent };
    return new Promise((resolve) => {
      const fail = (error: { code?: string }): void =>
        resolve({ status: undefined, code: String(error.code), start, end: performance.now() });
      const sent = http.get(options, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text) => {
          body += text;
        });
        response.on('error', fail);
        response.on('end', () => resolve(this.#answer(response, body, start)));
      });
      sent.setTimeout(PATIENCE_MS, () => {
        sent.destroy(Object.assign(new Error('No answer.'), { code: 'HANGS' }));
      });
      sent.on('error', fail);
    });
  }

  /** Ends the process as an operator does; 0 where it ended in order, in time. */
  async end(): Promise<number | null> {
    if (this.isRunning) this.#process?.kill('SIGCONT');
    const late = setTimeout(() => this.#process?.kill('SIGKILL'), 10_000);
    const code = await this.signal('SIGTERM');
    clearTimeout(late);
    return code;
  }

  /** Ends the process, and what this side has of it. The exit code. */
  stop(): Promise<number | null> {
    this.#agent.destroy();
    return this.end();
  }

  #answer(response: http.IncomingMessage, body: string, start: number): Answer {
    const { statusCode = 0, headers } = response;
    const { 'set-cookie': cookies = [], ...others } = headers;
    const [, value] = cookies.map((text) => COOKIE.exec(text)).find((match) => match) ?? [];
    const cookie = value === '""' ? '' : value;
    if (cookie) this.#watch.issue(cookie);
    this.#watch.look('a response', `${statusCode} ${JSON.stringify(others)} ${body}`);
    const ambiguous = headers['x-ambiguous'] === 'true';
    return { status: statusCode, body, cookie, ambiguous, start, end: performance.now() };
  }
}
