import { cacheControlFor, varyByCookie } from './session-cookie.ts';

/** What is needed of a response; Node's `ServerResponse` is one. */
export interface SessionResponse {
  readonly headersSent: boolean;
  getHeader(name: string): number | string | readonly string[] | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** Puts the session's own cookie among those of the response instead of what was there of it, and removes others. */
export function replaceCookie(
  response: SessionResponse,
  {
    name,
    text,
    farewell,
  }: {
    readonly name: string;
    /** None: there is to be none. */
    readonly text: string | undefined;
    /** What removes other cookies. */
    readonly farewell: readonly string[];
  },
): void {
  const present = response.getHeader('Set-Cookie');
  if (present === undefined && text !== undefined && farewell.length === 0) {
    response.setHeader('Set-Cookie', [text]);
    return;
  }
  const list = Array.isArray(present)
    ? (present as string[])
    : present === undefined
      ? []
      : [String(present)];
  // Headers are written up to three times, and Node checks all that it is given each time.
  if (list.length === 1 && list[0] === text && farewell.length === 0) return;
  const ours = text === undefined ? farewell : [text, ...farewell];
  const others = list.filter(
    (cookie) => !cookie.startsWith(`${name}=`) && !farewell.includes(cookie),
  );
  response.setHeader('Set-Cookie', [...others, ...ours]);
}

/** No shared cache may keep a response that sets the cookie; what the application had chosen instead, if it did. */
export function keepFromCaches(
  response: SessionResponse,
): { readonly from: string; readonly to: string } | undefined {
  const present = response.getHeader('Cache-Control');
  const from = present === undefined ? undefined : String(present);
  const to = cacheControlFor(from);
  if (to === from) return undefined;
  response.setHeader('Cache-Control', to);
  return from === undefined ? undefined : { from, to };
}

/** Another visitor is to get another response. */
export function dependOnCookie(response: SessionResponse): void {
  const present = response.getHeader('Vary');
  const from = present === undefined ? undefined : String(present);
  const to = varyByCookie(from);
  if (to !== from) response.setHeader('Vary', to);
}
