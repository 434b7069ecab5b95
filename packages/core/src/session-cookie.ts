import { ImproperlyConfigured } from './errors.ts';

/** The cookie that carries the key. Each default is Django's. */
export interface CookieOptions {
  /** Django: `SESSION_COOKIE_NAME`. @default 'sessionid' */
  readonly name?: string | undefined;
  /** Seconds that cookie and record live by default. Django: `SESSION_COOKIE_AGE`. @default 1209600 (two weeks) */
  readonly age?: number | undefined;
  /** Django: `SESSION_COOKIE_DOMAIN`. @default none: this host alone */
  readonly domain?: string | undefined;
  /** Django: `SESSION_COOKIE_PATH`. @default '/' */
  readonly path?: string | undefined;
  /** Sent as configured, over plain HTTP too. Django: `SESSION_COOKIE_SECURE`. @default false */
  readonly secure?: boolean | undefined;
  /** Django: `SESSION_COOKIE_HTTPONLY`. @default true */
  readonly httpOnly?: boolean | undefined;
  /** `false` leaves the attribute out. Django: `SESSION_COOKIE_SAMESITE`. @default 'Lax' */
  readonly sameSite?: 'Lax' | 'Strict' | 'None' | false | undefined;
  /** Kept apart per top-level site; needs `secure`. @default false */
  readonly partitioned?: boolean | undefined;
  /** What browsers drop last when they drop cookies. @default none */
  readonly priority?: 'Low' | 'Medium' | 'High' | undefined;
}

/** Cookie options after validation. */
export interface CookieSettings {
  readonly name: string;
  readonly age: number;
  readonly domain: string | undefined;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'Lax' | 'Strict' | 'None' | false;
  readonly partitioned: boolean;
  readonly priority: 'Low' | 'Medium' | 'High' | undefined;
}

/** Ten thousand years; more has no date. */
export const MOST_SECONDS = 315_360_000_000;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]{1,1024}$/;
const DOMAIN = /^\.?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const NAMES = [
  'name',
  'age',
  'domain',
  'path',
  'secure',
  'httpOnly',
  'sameSite',
  'partitioned',
  'priority',
];

/** @throws {ImproperlyConfigured} naming the first option that is wrong, or that browsers would refuse. */
export function validateCookie(options: CookieOptions): CookieSettings {
  if (typeof options !== 'object' || options === null) fail('must be an object');
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown) fail(`.${unknown} does not exist; it has ${NAMES.join(', ')}`);
  const { name = 'sessionid', age = 1_209_600, domain, path = '/', secure = false } = options;
  const { httpOnly = true, sameSite = 'Lax', partitioned = false, priority } = options;

  if (typeof name !== 'string' || !TOKEN.test(name))
    fail(".name must be letters, digits and !#$%&'*+-.^_`|~");
  if (typeof age !== 'number' || !(age >= 0 && age <= MOST_SECONDS))
    fail('.age must be a number of seconds, 0 or more');
  if (domain !== undefined && (typeof domain !== 'string' || !DOMAIN.test(domain))) {
    fail('.domain must be a host name, such as "example.com", or be left out for this host alone');
  }
  if (typeof path !== 'string' || !path.startsWith('/') || !ATTRIBUTE.test(path)) {
    fail('.path must start with "/" and hold no ";" or control character');
  }
  for (const [flag, value] of Object.entries({ secure, httpOnly, partitioned })) {
    if (typeof value !== 'boolean') fail(`.${flag} must be true or false`);
  }
  if (!['Lax', 'Strict', 'None', false].includes(sameSite))
    fail(".sameSite must be 'Lax', 'Strict', 'None' or false");
  if (priority !== undefined && !['Low', 'Medium', 'High'].includes(priority)) {
    fail(".priority must be 'Low', 'Medium' or 'High'");
  }
  // What follows a browser would drop without a word.
  if (sameSite === 'None' && !secure) fail(".sameSite 'None' needs cookie.secure: true");
  if (partitioned && !secure) fail('.partitioned needs cookie.secure: true');
  const lower = name.toLowerCase();
  if ((lower.startsWith('__secure-') || lower.startsWith('__host-')) && !secure) {
    fail(`.name ${name} needs cookie.secure: true`);
  }
  if (lower.startsWith('__host-') && (domain !== undefined || path !== '/')) {
    fail(`.name ${name} allows no cookie.domain and no cookie.path but "/"`);
  }
  return { name, age, domain, path, secure, httpOnly, sameSite, partitioned, priority };
}

function fail(what: string): never {
  throw new ImproperlyConfigured(`cookie${what.startsWith('.') ? '' : ' '}${what}.`);
}

/**
 * The values that a Cookie header has under exactly this name, each once, in order. Double quotes around a value
 * are dropped; nothing is decoded, as in Django.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (!header?.includes(name)) return [];
  const values: string[] = [];
  for (let start = 0; start < header.length; ) {
    const semicolon = header.indexOf(';', start);
    const end = semicolon === -1 ? header.length : semicolon;
    const equals = header.indexOf('=', start);
    if (equals !== -1 && equals < end && header.slice(start, equals).trim() === name) {
      const trimmed = header.slice(equals + 1, end).trim();
      const quoted = trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"');
      const value = quoted ? trimmed.slice(1, -1) : trimmed;
      if (!values.includes(value)) values.push(value);
    }
    start = end + 1;
  }
  return values;
}

/**
 * The `Set-Cookie` text that hands out a key, attributes in Django's order.
 *
 * @param maxAge seconds, truncated; `undefined`: until the browser closes.
 */
export function setCookieText(
  cookie: CookieSettings,
  key: string,
  maxAge: number | undefined,
  now: Date,
): string {
  let text = `${cookie.name}=${key}`;
  if (cookie.domain !== undefined) text += `; Domain=${cookie.domain}`;
  if (maxAge !== undefined) text += `; expires=${httpDate(now, maxAge)}`;
  if (cookie.httpOnly) text += '; HttpOnly';
  if (maxAge !== undefined) text += `; Max-Age=${Math.trunc(maxAge)}`;
  text += `; Path=${cookie.path}`;
  if (cookie.sameSite) text += `; SameSite=${cookie.sameSite}`;
  if (cookie.secure) text += '; Secure';
  return text + extensions(cookie);
}

/** The `Set-Cookie` text that removes the cookie, as Django's `delete_cookie` writes it; plus Partitioned. */
export function deleteCookieText(cookie: CookieSettings): string {
  let text = `${cookie.name}=""`;
  if (cookie.domain !== undefined) text += `; Domain=${cookie.domain}`;
  text += `; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=${cookie.path}`;
  if (cookie.sameSite) text += `; SameSite=${cookie.sameSite}`;
  const prefixed = cookie.name.startsWith('__Secure-') || cookie.name.startsWith('__Host-');
  if (prefixed || cookie.sameSite === 'None' || cookie.partitioned) text += '; Secure';
  return cookie.partitioned ? `${text}; Partitioned` : text;
}

/**
 * The `Cache-Control` of a response that sets the cookie: `no-store`, unless the application chose a private one;
 * a public one is made private, so that no shared cache hands one visitor's cookie to another.
 */
export function cacheControlFor(current: string | undefined): string {
  if (current === undefined || current === 'no-store') return 'no-store';
  const directives = current.split(',').map((directive) => directive.trim());
  const has = (name: RegExp): boolean => directives.some((directive) => name.test(directive));
  if (has(/^no-store$/i)) return current;
  if (has(/^(?:public|s-maxage\b.*)$/i)) {
    const kept = directives.filter(
      (directive) => !/^(?:public$|s-maxage\b|private\b)/i.test(directive),
    );
    return ['private', ...kept].join(', ');
  }
  // With field names, `private="…"`, it says nothing of the rest of the response.
  return has(/^private$/i) ? current : 'no-store';
}

/** The `Vary` of a response that depends on the cookie. Django: `patch_vary_headers`. */
export function varyByCookie(current: string | undefined): string {
  if (current === undefined || current === 'Cookie') return 'Cookie';
  const fields = current
    .split(',')
    .map((field) => field.trim())
    .filter(Boolean);
  if (fields.includes('*')) return '*';
  return fields.some((field) => field.toLowerCase() === 'cookie')
    ? current
    : [...fields, 'Cookie'].join(', ');
}

function extensions(cookie: CookieSettings): string {
  const partitioned = cookie.partitioned ? '; Partitioned' : '';
  return cookie.priority ? `${partitioned}; Priority=${cookie.priority}` : partitioned;
}

const MAX_DATE_MS = 8_640_000_000_000_000;

/** Most cookies of one second end in the same one, and making the text costs 1 µs. */
let lastDate = { second: Number.NaN, text: '' };

function httpDate(now: Date, maxAge: number): string {
  const ms = now.getTime() + maxAge * 1000;
  const second = Math.floor(Math.min(Math.max(ms, -MAX_DATE_MS), MAX_DATE_MS) / 1000);
  if (second !== lastDate.second) {
    lastDate = { second, text: new Date(second * 1000).toUTCString() };
  }
  return lastDate.text;
}
