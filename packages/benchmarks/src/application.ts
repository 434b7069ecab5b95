/** What the application needs of a session, whatever keeps it. */
export interface SessionPort {
  get(name: string): unknown;
  set(name: string, value: unknown): unknown;
}

/** How large the sessions of the scenarios are, as JSON text. */
export const SMALL_BYTES = 300;
export const LARGE_BYTES = 61_440;

/**
 * The one application that every contender serves; its work is the same with and without sessions.
 *
 * `/untouched`; `/create/USER/BYTES` fills a new session; `/read/USER` answers who it is; `/write/USER/VALUE` sets one
 * entry; `/last/USER` answers what was written last.
 *
 * @returns the body of the response.
 */
export function answer(url: string, session: SessionPort): string {
  const [, route, user = '', value = ''] = url.split('/');
  switch (route) {
    case 'create':
      for (const [name, entry] of Object.entries(entriesOf(user, Number(value)))) {
        session.set(name, entry);
      }
      return 'created';
    case 'read':
      return String(session.get('user'));
    case 'write':
      session.set('last', value);
      return value;
    case 'last':
      return String(session.get('last'));
    default:
      return 'untouched';
  }
}

/** Whether the application leaves the session of this request alone. */
export function isUntouched(url: string): boolean {
  return url.startsWith('/untouched');
}

/** Whether the application changes the session of this request. */
export function changesSession(url: string): boolean {
  return url.startsWith('/create') || url.startsWith('/write');
}

/** What is needed of a response. */
interface HeadedResponse {
  setHeader(name: string, value: string): unknown;
}

/**
 * What keeps a response that depends on a session from other visitors, where the session does not say so itself: an
 * application behind a shared cache has to. Coatcheck and its limits set these headers, peers leave them to it.
 */
export function keepFromOthers(url: string, response: HeadedResponse): void {
  if (isUntouched(url)) return;
  response.setHeader('Vary', 'Cookie');
  if (changesSession(url)) response.setHeader('Cache-Control', 'no-store');
}

/** A session that the application does not look at before it wants something of it. */
export function lookedAtLate(session: () => SessionPort): SessionPort {
  return {
    get: (name) => session().get(name),
    set: (name, value) => session().set(name, value),
  };
}

/** The session where there is none: it says who asks without looking anywhere. */
export function noSession(url: string): SessionPort {
  return { get: () => `user-${url.split('/')[2]}`, set: () => {} };
}

const WORDS = ['wool', 'felt', 'hook', 'brush', 'ticket', 'button', 'collar', 'sleeve', 'pocket'];

/** The entries of a user's session: an account, a preference and a cart that fills it up to so many bytes of JSON. */
export function entriesOf(user: string, bytes: number): Record<string, unknown> {
  const entries = {
    user: `user-${user}`,
    last: '0',
    preferences: { language: 'de', theme: 'dark', perPage: 25 },
    cart: [] as object[],
  };
  let size = 110;
  for (let item = 0; size + 60 < bytes; item++) {
    // Varied as real data are: what is compressible is the form, not the content.
    const id = Math.imul(Number(user) + 1, 2_654_435_761 + item * 40_503) >>> 0;
    const name = `${WORDS[id % 9]} ${WORDS[(id >>> 4) % 9]}`;
    entries.cart.push({ id, name, quantity: (id % 7) + 1, price: (id % 99_991) / 100 });
    size += 66;
  }
  return entries;
}
