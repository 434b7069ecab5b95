import type { Answer, RequestOptions, Site } from './test-site.ts';

interface Stored {
  readonly answer: Answer;
  /** What the request had under the names in `Vary`. */
  readonly selected: Readonly<Record<string, string | undefined>>;
}

/**
 * A cache between many visitors and a site that stores whatever RFC 9111 does not forbid it, for as long as the test
 * lasts: also answers that say nothing of caching, redirects, errors, and answers that set cookies.
 */
export class SharedCache {
  readonly #site: Site;
  readonly #ignoresVary: boolean;
  readonly #stored = new Map<string, Stored[]>();
  hits = 0;

  /** @param ignoresVary as no cache may, to see what becomes of that. */
  constructor(site: Site, ignoresVary: boolean = false) {
    this.#site = site;
    this.#ignoresVary = ignoresVary;
  }

  async request(options: RequestOptions & { path: string }): Promise<Answer> {
    const cookie = options.key === undefined ? undefined : `sessionid=${options.key}`;
    const headers: Record<string, string | undefined> = { cookie };
    const variants = this.#stored.get(options.path) ?? [];
    const found = variants.find(({ selected }) =>
      Object.entries(selected).every(([name, value]) => headers[name] === value),
    );
    if (found) {
      this.hits += 1;
      return found.answer;
    }
    const answer = await this.#site.request(options);
    const vary = this.#ignoresVary ? '' : (answer.vary ?? '');
    const names = vary
      .toLowerCase()
      .split(/\s*,\s*/)
      .filter(Boolean);
    if (mayStore(answer) && !names.includes('*')) {
      const selected = Object.fromEntries(names.map((name) => [name, headers[name]]));
      this.#stored.set(options.path, [...variants, { answer, selected }]);
    }
    return answer;
  }
}

/** RFC 9111, section 3, for a shared cache. */
function mayStore({ cacheControl = '' }: Answer): boolean {
  const directives = cacheControl
    .toLowerCase()
    .split(',')
    .map((each) => each.trim());
  return !directives.some((each) => /^(?:no-store|private)(?:$|=)/.test(each));
}
