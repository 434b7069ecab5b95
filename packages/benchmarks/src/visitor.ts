/** A visitor with a cookie jar and a session of their own, so that the writes of two never meet. */
export class Visitor {
  readonly id: number;
  /** What was written last. */
  last = '0';
  readonly #cookies = new Map<string, string>();
  #header = '';

  constructor(id: number) {
    this.id = id;
  }

  /** The Cookie header. */
  get cookie(): string {
    return this.#header;
  }

  /** Keeps the cookies of a response. */
  keep(setCookie: string | readonly string[]): void {
    for (const text of typeof setCookie === 'string' ? [setCookie] : setCookie) {
      const equals = text.indexOf('=');
      const end = text.indexOf(';', equals);
      const value = text.slice(equals + 1, end === -1 ? undefined : end);
      this.#cookies.set(text.slice(0, equals), value);
    }
    this.#header = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}
