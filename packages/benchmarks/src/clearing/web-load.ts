import { Agent, request } from 'node:http';
import { quantile } from '../statistics.ts';

const PER_SECOND = 100;
const VISITORS = 200;
/** One request in so many changes its session. */
const WRITES_ONE_IN = 4;
/** What no write may be blocked for. */
const BLOCKED_MS = 50;

/** What visitors waited, in milliseconds. */
export interface Waits {
  readonly requests: number;
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
  readonly longestWrite: number;
  /** Writes that took longer than none may be blocked. */
  readonly slowWrites: number;
}

/** Visitors who come at a fixed rate, whether those before them are served or not. */
export class WebLoad {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #cookies: readonly string[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Gives each visitor a session. */
  async begin(): Promise<void> {
    const cookies: string[] = [];
    while (cookies.length < VISITORS) {
      const { cookie } = await this.#ask('POST', '');
      cookies.push(String(cookie).split(';')[0] ?? '');
    }
    this.#cookies = cookies;
  }

  /** Asks until that is over, and for no longer than so many seconds. */
  async during(isOver: Promise<unknown>, longestSeconds: number): Promise<Waits> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    isOver.then(end, end);
    const timer = setTimeout(end, longestSeconds * 1000);
    const waits: number[] = [];
    const writes: number[] = [];
    let failures = 0;
    const under: Promise<void>[] = [];
    const start = performance.now();
    for (let n = 0; !over; n += 1) {
      const due = start + (n * 1000) / PER_SECOND;
      const early = due - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      const method = n % WRITES_ONE_IN === 0 ? 'POST' : 'GET';
      const visit = async (): Promise<void> => {
        const { status } = await this.#ask(method, this.#cookies[n % VISITORS] ?? '');
        // From when it was due: who had to queue has waited too.
        const ms = performance.now() - due;
        waits.push(ms);
        if (method === 'POST') writes.push(ms);
        if (status !== 200) failures += 1;
      };
      under.push(visit());
    }
    clearTimeout(timer);
    await Promise.all(under);
    return {
      requests: waits.length,
      failures,
      p50: quantile(waits, 0.5),
      p99: quantile(waits, 0.99),
      longestWrite: quantile(writes, 1),
      slowWrites: writes.filter((ms) => ms > BLOCKED_MS).length,
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  #ask(method: string, cookie: string): Promise<{ status: number; cookie: string | undefined }> {
    return new Promise((resolve) => {
      const options = { port: this.#port, method, agent: this.#agent, headers: { cookie } };
      request(options, (response) => {
        const { statusCode = 0, headers } = response;
        response.resume().once('end', () => {
          resolve({ status: statusCode, cookie: headers['set-cookie']?.[0] });
        });
      })
        .once('error', () => resolve({ status: 0, cookie: undefined }))
        .end();
    });
  }
}
