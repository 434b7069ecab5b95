import type { IncomingHttpHeaders } from 'node:http';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Client, type Dispatcher } from 'undici';
import { changesSession, isUntouched } from './application.ts';
import type { Visit } from './scenarios.ts';

/** The next visit of a connection; `undefined`: it has nothing more to do. */
export type NextVisit = (connection: number) => Visit | undefined;

/** What a number of requests came to; each was answered as it had to be. */
export interface Served {
  readonly requests: number;
  readonly seconds: number;
  /** Nanoseconds from a request to the end of its answer. */
  readonly latencies: RecordableHistogram;
}

/** Connections to one server, kept alive; on each, one request follows the other. */
export class Load {
  readonly #connections: readonly Connection[];

  /** @param hasSessions whether a visit that begins a session has to be given a cookie. */
  constructor(port: number, connections: number, hasSessions: boolean) {
    const origin = `http://127.0.0.1:${port}`;
    this.#connections = Array.from(
      { length: connections },
      () => new Connection(origin, hasSessions),
    );
  }

  /**
   * Sends requests on all connections at once.
   *
   * @throws {Error} when an answer is not what the visit expects.
   */
  async run(next: NextVisit): Promise<Served> {
    const latencies = createHistogram();
    const start = performance.now();
    const counts = await Promise.all(
      this.#connections.map((connection, i) => connection.run(() => next(i), latencies)),
    );
    const seconds = (performance.now() - start) / 1000;
    return { requests: counts.reduce((sum, count) => sum + count, 0), seconds, latencies };
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

/** One object per connection and none per request, since the generator has to be cheaper than what it measures. */
class Connection implements Dispatcher.DispatchHandler {
  readonly #client: Client;
  readonly #hasSessions: boolean;
  #next: () => Visit | undefined = () => undefined;
  #latencies = createHistogram();
  #settle: { resolve(count: number): void; reject(error: Error): void } | undefined;
  #visit: Visit | undefined;
  #sentAt = 0;
  #count = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #body = '';

  constructor(origin: string, hasSessions: boolean) {
    this.#hasSessions = hasSessions;
    this.#client = new Client(origin, { keepAliveTimeout: 600_000, keepAliveMaxTimeout: 600_000 });
  }

  run(next: () => Visit | undefined, latencies: RecordableHistogram): Promise<number> {
    this.#next = next;
    this.#latencies = latencies;
    this.#count = 0;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#send();
    });
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }

  onRequestStart(): void {}

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, piece: Buffer): void {
    this.#body += piece.toString('latin1');
  }

  onResponseEnd(): void {
    this.#latencies.record(Math.max(1, Math.round((performance.now() - this.#sentAt) * 1e6)));
    const { visitor, path, body, isNew } = this.#visit as Visit;
    const missing = this.#hasSessions ? missingIn(this.#headers, this.#visit as Visit) : undefined;
    if (this.#status !== 200 || this.#body !== body || missing) {
      const without = missing ? ` without ${missing}` : '';
      const answer = `${this.#status} ${this.#body.slice(0, 200)}${without}`;
      this.#settle?.reject(new Error(`${path} was answered ${answer} instead of 200 ${body}.`));
      return;
    }
    const setCookie = this.#headers['set-cookie'];
    if (setCookie && !isNew) visitor.keep(setCookie);
    this.#count += 1;
    this.#send();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#settle?.reject(error);
  }

  #send(): void {
    const visit = this.#next();
    if (!visit) {
      this.#settle?.resolve(this.#count);
      return;
    }
    this.#visit = visit;
    this.#body = '';
    this.#sentAt = performance.now();
    const { path, visitor, sendsCookie } = visit;
    const headers = sendsCookie && visitor.cookie ? ['cookie', visitor.cookie] : [];
    this.#client.dispatch({ method: 'GET', path, headers }, this);
  }
}

/** A header that the answer to a visit needs, so that all contenders send the same. */
function missingIn(headers: IncomingHttpHeaders, { path, isNew }: Visit): string | undefined {
  if (isUntouched(path)) return undefined;
  if (isNew && !headers['set-cookie']) return 'Set-Cookie';
  if (!/cookie/i.test(String(headers.vary))) return 'Vary';
  return changesSession(path) && !headers['cache-control'] ? 'Cache-Control' : undefined;
}
