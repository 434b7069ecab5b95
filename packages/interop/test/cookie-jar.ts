interface Cookie {
  readonly value: string;
  readonly path: string;
  /** Infinity: when the browser closes. */
  readonly expiresAtMs: number;
}

/** The cookies of one host, as a browser keeps them (RFC 6265, section 5). */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** Takes a `Set-Cookie` header of an answer to a request for `path`. */
  take(header: string, path: string): void {
    const [pair = '', ...rest] = header.split(';');
    const [name, value] = halves(pair);
    const attributes = new Map(
      rest.map(halves).map(([attribute, text]) => [attribute.toLowerCase(), text]),
    );
    const given = attributes.get('path') ?? '';
    const cookie = {
      value,
      path: given.startsWith('/') ? given : path.slice(0, Math.max(1, path.lastIndexOf('/'))),
      expiresAtMs: expiry(attributes),
    };
    const id = `${name};${cookie.path}`;
    if (cookie.expiresAtMs > Date.now()) this.#cookies.set(id, cookie);
    else this.#cookies.delete(id);
  }

  /** The `Cookie` header of a request for `path`; `undefined` where there is none to send. */
  header(path: string): string | undefined {
    const pairs = this.#sent(path).map(([name, { value }]) => `${name}=${value}`);
    return pairs.length > 0 ? pairs.join('; ') : undefined;
  }

  /** The value that would be sent to the root under this name. */
  get(name: string): string | undefined {
    return this.#sent('/').find(([sent]) => sent === name)?.[1].value;
  }

  /** The browser closes. */
  close(): void {
    for (const [id, { expiresAtMs }] of this.#cookies) {
      if (expiresAtMs === Number.POSITIVE_INFINITY) this.#cookies.delete(id);
    }
  }

  #sent(path: string): [name: string, Cookie][] {
    return [...this.#cookies]
      .filter(([, cookie]) => cookie.expiresAtMs > Date.now() && matches(path, cookie.path))
      .map(([id, cookie]) => [id.slice(0, id.indexOf(';')), cookie]);
  }
}

/** The name and the value before and after the first `=`. */
export function halves(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function expiry(attributes: ReadonlyMap<string, string>): number {
  const maxAge = attributes.get('max-age');
  if (maxAge !== undefined) return Date.now() + Number(maxAge) * 1000;
  const expires = attributes.get('expires');
  return expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires);
}

function matches(path: string, cookiePath: string): boolean {
  const directory = cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`;
  return path === cookiePath || path.startsWith(directory);
}
