import { CookieJar } from './cookie-jar.ts';
import type { Site } from './sites.ts';

/** The cookie that both halves of the site share. */
const COOKIE = 'sessionid';

/** What a browser got. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The header that sets the session's cookie; `undefined` where none came. */
  readonly setCookie: string | undefined;
  /** The text as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: the tests know what the pages send
  json(): any;
}

/** One visitor with one cookie jar, on both halves of the site. */
export class Browser {
  readonly #jar = new CookieJar();

  /** @param key what somebody has got hold of; by default the browser is new. */
  constructor(key?: string) {
    if (key !== undefined) this.#jar.take(`${COOKIE}=${key}; Path=/`, '/');
  }

  /** What the browser has for a session key. */
  get key(): string | undefined {
    return this.#jar.get(COOKIE);
  }

  get(site: Site, path: string): Promise<Answer> {
    return this.#send(site, path, { method: 'GET' });
  }

  /** Sends JSON. */
  post(site: Site, path: string, body: unknown = {}, headers = {}): Promise<Answer> {
    return this.postText(site, path, JSON.stringify(body), headers);
  }

  /** Sends JSON that JavaScript cannot write itself. */
  postText(site: Site, path: string, body: string, headers = {}): Promise<Answer> {
    const json = { 'Content-Type': 'application/json', ...headers };
    return this.#send(site, path, { method: 'POST', headers: json, body });
  }

  /** Submits a form. */
  submit(site: Site, path: string, fields: Record<string, string>): Promise<Answer> {
    return this.#send(site, path, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Another browser with the same cookie. */
  copy(): Browser {
    return new Browser(this.key);
  }

  /** Ends it, and the cookies that do not outlive it. */
  close(): void {
    this.#jar.close();
  }

  async #send(site: Site, path: string, init: RequestInit): Promise<Answer> {
    const cookie = this.#jar.header(path);
    const headers = { ...init.headers, ...(cookie && { cookie }) };
    const response = await fetch(site.url + path, { ...init, headers, redirect: 'manual' });
    const text = await response.text();
    const cookies = response.headers.getSetCookie();
    if (cookies.length > 1)
      throw new Error(`${site.name} sets ${cookies.length} cookies at ${path}.`);
    for (const header of cookies) this.#jar.take(header, path);
    return {
      status: response.status,
      text,
      setCookie: cookies[0],
      json() {
        if (response.status === 200) return JSON.parse(text);
        throw new Error(`${site.name} answered ${response.status} to ${path}: ${text}`);
      },
    };
  }
}

/** The header that sets the session's cookie, without key and time; empty where none came. */
export function wordsOf({ setCookie = '' }: Pick<Answer, 'setCookie'>): string {
  return setCookie
    .replace(/=[\w.:-]{32,};/, '=…;')
    .replace(/expires=\w{3}, \d\d \w{3} (?!1970)\d{4} \d\d:\d\d:\d\d GMT/, 'expires=…');
}
