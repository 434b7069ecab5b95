import type { Answer, NoAnswer, Site } from './site.ts';

/** A time in which a place cannot answer. */
export interface Outage {
  readonly name: string;
  begin(): Promise<void>;
  /** Resolves when the place could answer again. */
  end(): Promise<void>;
}

/** What visitors noticed of an outage; milliseconds. */
export interface OutageFigures {
  /** Answers of routes that use their session, by status, from the outage's begin to its end. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The slowest of them. */
  readonly slowestMs: number;
  /** What nine of ten needed that were sent more than `settledMs` after the begin. */
  readonly settledMs: number;
  /** From the end of the outage to the last request that failed. */
  readonly recoveryMs: number;
  /** The slowest answer of a route without a session, and whether all were as always. */
  readonly plainMs: number;
  /** The slowest answer of a route that does not look at its session. */
  readonly untouchedMs: number;
  /** What must be empty: statuses, cookies, sessions that are not as they should be. */
  readonly wrong: readonly string[];
}

interface Sample {
  readonly route: 'session' | 'plain' | 'untouched';
  readonly answer: Answer | NoAnswer;
}

const USERS = 8;
/** Milliseconds after which everything that is decided by counting failures has been decided. */
const SETTLED_MS = 1400;
/** Milliseconds after which a site that is still failing is given up. */
const PATIENCE_MS = 20_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Visitors at work before, during and after an outage. */
export async function measureOutage(
  site: Site,
  outage: Outage,
  lastsMs: number,
): Promise<OutageFigures> {
  const samples: Sample[] = [];
  const wrong: string[] = [];
  const users = await Promise.all(Array.from({ length: USERS }, (_, i) => User.create(site, i)));
  let isOver = false;
  const loop = async (route: Sample['route'], visit: () => Promise<Answer | NoAnswer>) => {
    while (!isOver) {
      samples.push({ route, answer: await visit() });
      await pause(10);
    }
  };
  const working = [
    ...users.map((user) => loop('session', () => user.visit(wrong))),
    ...users.slice(0, 2).map(({ key }) => loop('untouched', () => site.request('/untouched', key))),
    ...users.slice(0, 2).map(({ key }) => loop('plain', () => site.request('/plain', key))),
  ];
  await pause(200);
  const begin = performance.now();
  await outage.begin();
  await pause(lastsMs);
  await outage.end();
  const end = performance.now();
  for (const user of users) user.successes = 0;
  while (!users.every(({ successes }) => successes >= 3)) {
    if (performance.now() - end > PATIENCE_MS) throw new Error('The site never recovers.');
    await pause(20);
  }
  isOver = true;
  await Promise.all(working);
  for (const user of users) await user.checkEnd(wrong);

  const of = (route: Sample['route']) =>
    samples.filter((sample) => sample.route === route).map(({ answer }) => answer);
  for (const answer of [...of('plain'), ...of('untouched')]) {
    const isAsAlways = answer.status === 200 && answer.cookie === undefined;
    if (!isAsAlways) wrong.push(`a route without its session answered ${answer.status}`);
  }
  const session = of('session');
  const during = session.filter((answer) => answer.start < end && answer.end > begin);
  const failed = session.filter(({ status }) => status !== 200);
  return {
    statuses: countBy(during, ({ status }) => String(status)),
    slowestMs: slowest(during),
    settledMs: mostOf(during.filter(({ start }) => start > begin + SETTLED_MS)),
    recoveryMs: Math.max(0, ...failed.map((answer) => answer.end - end)),
    plainMs: slowest(of('plain')),
    untouchedMs: slowest(of('untouched')),
    wrong: [...new Set(wrong)],
  };
}

/** Somebody who is logged in and goes on clicking. */
class User {
  readonly key: string;
  /** Requests in a row that worked. */
  successes = 0;
  readonly #site: Site;
  readonly #marker: string;
  #acknowledged = 0;
  #sent = 0;

  private constructor(site: Site, marker: string, key: string) {
    this.key = key;
    this.#site = site;
    this.#marker = marker;
  }

  static async create(site: Site, number: number): Promise<User> {
    const marker = `user-${number}`;
    const answer = await site.request(`/create?value=${marker}`);
    if (answer.status !== 200 || !answer.cookie) throw new Error('Nobody can log in.');
    return new User(site, marker, answer.cookie);
  }

  async visit(wrong: string[]): Promise<Answer | NoAnswer> {
    this.#sent += 1;
    const writes = this.#sent % 2 === 0;
    const path = writes ? `/set?name=n&value=${this.#sent}` : '/read';
    const answer = await this.#site.request(path, this.key);
    if (answer.status === 200) {
      this.successes += 1;
      if (writes) this.#acknowledged = this.#sent;
      else this.#check(answer, wrong);
      if (answer.cookie !== undefined && answer.cookie !== this.key) wrong.push('another cookie');
    } else {
      this.successes = 0;
      if (answer.status !== 503) wrong.push(`status ${answer.status ?? answer.code}`);
      else if (answer.cookie !== undefined) wrong.push('a cookie with 503');
    }
    return answer;
  }

  /** The session is the user's own, and whatever was acknowledged is there. */
  async checkEnd(wrong: string[]): Promise<void> {
    const answer = await this.#site.request('/read', this.key);
    if (answer.status === 200) this.#check(answer, wrong);
    else wrong.push(`status ${answer.status} after all was over`);
  }

  #check({ body }: Answer, wrong: string[]): void {
    const { marker, n = 0 } = JSON.parse(body);
    if (marker !== this.#marker) wrong.push('the session of another user');
    if (Number(n) < this.#acknowledged) wrong.push('an acknowledged change is lost');
  }
}

function slowest(answers: readonly (Answer | NoAnswer)[]): number {
  return Math.round(Math.max(0, ...answers.map(({ start, end }) => end - start)));
}

function mostOf(answers: readonly (Answer | NoAnswer)[]): number {
  const times = answers.map(({ start, end }) => end - start).sort((a, b) => a - b);
  return Math.round(times[Math.floor(times.length * 0.9)] ?? 0);
}

function countBy<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return counts;
}
