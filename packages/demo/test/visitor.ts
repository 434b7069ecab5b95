import { expect } from '@jest/globals';

/** A browser with one cookie: it keeps what it is told to, follows no redirect by itself, and sends the forms of pages. */
export class Visitor {
  cookie: string | undefined;
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(origin: string, cookie?: string, headers: Readonly<Record<string, string>> = {}) {
    this.#origin = origin;
    this.cookie = cookie;
    this.#headers = headers;
  }

  get(path: string): Promise<Response> {
    return this.send(path);
  }

  async page(path: string): Promise<string> {
    const response = await this.get(path);
    expect(response.status).toBe(200);
    return response.text();
  }

  /** The token of a page's forms; the page begins a session, and shows what messages there are. */
  async token(): Promise<string> {
    return tokenIn(await this.page('/preferences'));
  }

  /** Sends a form as a page has it: with a token, but for the first item of somebody without a session. */
  async post(path: string, fields: Record<string, string> = {}): Promise<Response> {
    const needsNone = this.cookie === undefined && path === '/cart/add';
    const token = needsNone ? {} : { csrfmiddlewaretoken: await this.token() };
    return this.postRaw(path, { ...token, ...fields });
  }

  /** Sends exactly these fields. */
  postRaw(path: string, fields: Record<string, string>): Promise<Response> {
    return this.send(path, { method: 'POST', body: new URLSearchParams(fields) });
  }

  logIn(username = 'ada', password = 'analytical-engine'): Promise<Response> {
    return this.post('/login', { username, password, remember: 'yes' });
  }

  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = this.cookie ? { cookie: `sessionid=${this.cookie}` } : {};
    const response = await fetch(this.#origin + path, {
      ...init,
      headers: { ...this.#headers, ...cookie },
      redirect: 'manual',
    });
    for (const header of response.headers.getSetCookie()) {
      const [, value = ''] = /^sessionid=([^;]*)/.exec(header) ?? [];
      this.cookie = value === '""' ? undefined : value;
    }
    return response;
  }
}

/** A CSRF token of the page's forms. */
export function tokenIn(page: string): string {
  const { csrfmiddlewaretoken } = fieldsIn(page);
  if (csrfmiddlewaretoken === undefined) throw new Error('The page has no form with a token.');
  return csrfmiddlewaretoken;
}

/** What the forms of a page send along unseen, each with the token among it. */
export function fieldsIn(page: string): Record<string, string> {
  const hidden = page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g);
  return Object.fromEntries(Array.from(hidden, ([, name, value]) => [name, value]));
}
