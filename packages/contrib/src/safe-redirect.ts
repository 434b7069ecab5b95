/** What a redirect may lead to. */
export interface SafeRedirectOptions {
  /** Hosts (with their port, if any) that it may lead to besides this site's own paths. @default none */
  readonly allowedHosts?: string | Iterable<string> | undefined;
  /** Whether an absolute URL must be https. @default false */
  readonly requireHttps?: boolean | undefined;
}

/** Django: `MAX_URL_LENGTH` */
const MAX_LENGTH = 2048;
/** A host that nobody has: whatever a relative URL leads to keeps it. */
const HERE = 'here.invalid';
const CONTROL_OR_SURROGATE = /[\p{Cc}\p{Cs}]/u;
const INVISIBLE_START = /^\p{C}/u;
/** Django before 5 takes `1x:` for a scheme, which it is not. */
const PARTS = /^(?:(?<scheme>[a-z0-9+.-]+):)?(?:\/\/(?<authority>[^/?#]*))?/i;

/**
 * Whether a redirect to what a visitor sent stays on this site, or leads to an allowed host by http or https. True
 * only where Django says so (`url_has_allowed_host_and_scheme`) and the URL parser of browsers comes to the same host:
 * backslashes, `///host`, control characters and other schemes are refused.
 *
 * @param url anything; what is no text is not safe
 */
export function isSafeRedirect(url: unknown, options: SafeRedirectOptions = {}): url is string {
  if (typeof url !== 'string') return false;
  const text = url.trim();
  if (text === '' || text.length > MAX_LENGTH) return false;
  if (CONTROL_OR_SURROGATE.test(text) || INVISIBLE_START.test(text)) return false;
  const { allowedHosts = [] } = options;
  const hosts = new Set(typeof allowedHosts === 'string' ? [allowedHosts] : allowedHosts);
  const schemes = options.requireHttps ? ['https'] : ['http', 'https'];
  // Browsers take a backslash for a slash, but not everywhere: both readings must be safe.
  return [text, text.replaceAll('\\', '/')].every((reading) => isAllowed(reading, hosts, schemes));
}

/**
 * Where to go after a login: what the visitor asked for, if it is safe, else `fallback`.
 *
 * @param next what the request says, such as `ctx.query.next`; anything
 * @param options.fallback `@default` `/` (Django: `LOGIN_REDIRECT_URL`)
 */
export function safeNext(
  next: unknown,
  { fallback = '/', ...options }: SafeRedirectOptions & { readonly fallback?: string } = {},
): string {
  return isSafeRedirect(next, options) ? next.trim() : fallback;
}

/**
 * The login page's URL with the page to come back to. Django: `redirect_to_login`
 *
 * @param next path and query of the page that needs a login, such as Koa's `ctx.originalUrl`
 * @param loginUrl may have a query of its own; `@default` `/login` (Django: `LOGIN_URL`)
 * @param field `@default` `next` (Django: `REDIRECT_FIELD_NAME`)
 */
export function urlOfLogin(next: string, loginUrl = '/login', field = 'next'): string {
  const [page = '', ...fragment] = loginUrl.split('#');
  const [path = '', query = ''] = page.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  parameters.set(field, next);
  // As Django writes it: slashes stay readable.
  const text = parameters.toString().replaceAll('%2F', '/');
  return [`${path}?${text}`, ...fragment].join('#');
}

function isAllowed(url: string, hosts: ReadonlySet<string>, schemes: readonly string[]): boolean {
  if (url.startsWith('///')) return false;
  const { scheme, authority = '' } = PARTS.exec(url)?.groups ?? {};
  if (scheme !== undefined && authority === '') return false;
  if (authority !== '' && !hosts.has(authority)) return false;
  // A URL without a scheme takes that of the page, which may be http.
  const used = scheme?.toLowerCase() ?? 'http';
  if ((scheme !== undefined || authority !== '') && !schemes.includes(used)) return false;
  const target = targetInBrowsers(url, used);
  return target !== undefined && target === targetInBrowsers(`//${authority || HERE}`, used);
}

/** Scheme, account and host that a browser takes a URL for; `undefined` where it is none. */
function targetInBrowsers(url: string, scheme: string): string | undefined {
  const page = `${scheme}://${HERE}`;
  if (!URL.canParse(url, page)) return undefined;
  const { protocol, username, password, host } = new URL(url, page);
  return `${protocol}//${username}:${password}@${host}`;
}
