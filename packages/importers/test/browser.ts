import { CookieJar } from '../../interop/test/cookie-jar.ts';

/** What a browser got. */
export interface Page {
  readonly status: number;
  readonly body: string;
  readonly setCookie: readonly string[];
}

/** A browser that keeps the cookies of one host, whatever site answers there. */
export class Browser {
  readonly jar: CookieJar = new CookieJar();

  /** @param cookie the Cookie header. @default what the jar has by now */
  async get(url: string, cookie: string | undefined = this.jar.header('/')): Promise<Page> {
    const answer = await fetch(url, { headers: cookie === undefined ? {} : { cookie } });
    const setCookie = answer.headers.getSetCookie();
    for (const header of setCookie) this.jar.take(header, '/');
    return { status: answer.status, body: await answer.text(), setCookie };
  }
}
