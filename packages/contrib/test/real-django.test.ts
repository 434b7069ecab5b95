import path from 'node:path';
import { describeDjangos, type PythonProcess, startPython } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Entries,
  memorySessions,
  SECRET_KEY,
} from '../../core/test/support/sqlite-sessions.ts';
import { isSafeRedirect } from '../src/auth.ts';
import { getToken, verifyCsrf } from '../src/csrf.ts';
import * as flash from '../src/flash.ts';
import { randomNumbers, randomUrls } from './random-urls.ts';

const messages = [
  { level: 20, text: 'plain', extraTags: '', isSafe: false },
  { level: 25, text: 'ünïcode 😀 \u0000\u007f "quoted" \\', extraTags: 'a b', isSafe: false },
  { level: 40, text: '<b>safe</b>', extraTags: '', isSafe: true },
  { level: 99, text: 'of its own level', extraTags: 'x', isSafe: false },
];
const shownOf = ({ level, text, tags, isSafe }: flash.Message) => ({ level, text, tags, isSafe });

describeDjangos({ describe, it }, 'a real Django', (django) => {
  const is32 = django.version.startsWith('3.2');
  const { sessions } = memorySessions<Entries>({ django: is32 ? '3.2' : undefined });
  /** A session with what Django's has, or the other way round. */
  const holding = (entries: Entries) => sessions.open().update(entries);
  const add = (session: ReturnType<typeof holding>, list = messages) => {
    for (const { level, text, ...options } of list) flash.add(session, level, text, options);
    return Object.fromEntries(session);
  };
  let python: PythonProcess;
  beforeAll(() => {
    const script = path.join(import.meta.dirname, 'django_contrib.py');
    python = startPython(django, script, { args: [SECRET_KEY] });
  });
  afterAll(() => python.stop());

  it('shows what was added here, once', async () => {
    const session = add(holding({ cart: [1] }));
    const page = await python.call<Entries>('show_session', { session });
    const shown = (await flash.take(holding(session))).map(shownOf);
    expect(shown).toHaveLength(messages.length);
    expect(page).toEqual({ messages: shown, session: { cart: [1] } });
  });

  it('adds what is shown here, in the text that is written here', async () => {
    const session = await python.call<Entries>('add_messages', { session: {}, messages });
    expect(session).toEqual(add(holding({})));
    const both = await python.call<Entries>('add_messages', {
      session: add(holding({})),
      messages,
    });
    const [first = [], second = []] = [
      await flash.take(holding(both)),
      await flash.take(holding(session)),
    ];
    expect(first).toEqual([...second, ...second]);
  });

  it('makes a cookie that is read here, and reads the one that is made here', async () => {
    const theirs = await python.call<{ cookie: string }>('cookie_of', { messages });
    const ours = flash.encodeMessagesCookie(holding({}), messages);
    const read = flash.decodeMessagesCookie(holding({}), theirs.cookie);
    expect(read).toEqual(flash.decodeMessagesCookie(holding({}), ours));
    const shown = await python.call('show_default', { session: {}, cookie: ours });
    expect(shown).toEqual(read?.messages.map(shownOf));
  });

  it('says in its cookie what is left in the session, and is told so from here', async () => {
    const many = Array.from({ length: 100 }, (_, i) => {
      return {
        level: 20,
        text: `${i} ${Math.random()} ${Math.random()}`,
        extraTags: '',
        isSafe: false,
      };
    });
    const { cookie, session } = await python.call<{ cookie: string; session: Entries }>(
      'cookie_of',
      {
        messages: many,
      },
    );
    const read = flash.decodeMessagesCookie(holding({}), cookie);
    expect(read?.isUnfinished).toBe(true);
    const rest = await flash.take(holding(session));
    expect([...(read?.messages ?? []), ...rest].map(({ text }) => text)).toEqual(
      many.map(({ text }) => text),
    );

    const marker = flash.encodeMessagesCookie(holding({}), [], { isUnfinished: true });
    const shown = await python.call('show_default', { session: add(holding({})), cookie: marker });
    expect(shown).toMatchObject(messages.map(({ text }) => ({ text })));
    // Without it, its default storage does not look into the session.
    expect(await python.call('show_default', { session: add(holding({})), cookie: '' })).toEqual(
      [],
    );
  });

  it('accepts the token of a form of ours, and we accept its', async () => {
    const ours = holding({});
    const formToken = getToken(ours);
    const post = { method: 'POST', secure: false, host: 'testserver', headers: {} };
    const request = { ...post, formToken, session: Object.fromEntries(ours) };
    const wrong = { ...request, formToken: getToken(holding({})) };
    const inHeader = { ...request, formToken: null, headers: { 'x-csrftoken': formToken } };
    const reasons = await python.call('csrf_reasons', { requests: [request, inHeader, wrong] });
    expect(reasons).toEqual([null, null, expect.stringContaining('incorrect')]);

    const theirs = await python.call<{ token: string; session: Entries }>('csrf_token', {
      session: {},
    });
    verifyCsrf(holding(theirs.session), { ...post, formToken: theirs.token });
    const again = await python.call<{ session: Entries }>('csrf_token', {
      session: request.session,
    });
    expect(again.session).toEqual(request.session);
  });

  it('refuses what we refuse, for the same reason, in 3,000 random requests', async () => {
    const ours = holding({});
    const token = getToken(ours);
    const session = Object.fromEntries(ours);
    const random = randomNumbers(7);
    const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
    const sources = [
      ...['https://www.example.com', 'http://www.example.com', 'https://www.example.com:8443'],
      ...['https://dashboard.example.com', 'http://dashboard.example.com', 'https://evil.org'],
      ...['https://a.trusted.example', 'https://trusted.example', 'http://a.trusted.example'],
      ...['https://eviltrusted.example', 'null', 'https://', '', 'https://WWW.example.com', '//x'],
      ...['https://www.example.com.evil.org', 'https://www.example.com@evil.org', 'x', 'https:'],
    ];
    const tokens = [
      token,
      token,
      token,
      null,
      '',
      'short',
      '!'.repeat(64),
      'a'.repeat(64),
      'b'.repeat(32),
    ];
    const requests = Array.from({ length: 3000 }, () => {
      // Django 3.2 does not look at it.
      const origin = is32 || random(2) === 0 ? undefined : pick(sources);
      const referer = random(3) === 0 ? undefined : pick(sources) + pick(['', '/', '/page?x#y']);
      const header = random(2) === 0 ? undefined : pick(tokens);
      return {
        method: pick(['POST', 'POST', 'POST', 'GET', 'PUT', 'DELETE', 'OPTIONS']),
        secure: random(2) === 0,
        host: pick(['www.example.com', 'www.example.com', 'www.example.com:8443']),
        headers: {
          ...(origin !== undefined && { origin }),
          ...(referer !== undefined && { referer }),
          ...(typeof header === 'string' && { 'x-csrftoken': header }),
        },
        formToken: pick(tokens),
        session: random(10) === 0 ? {} : session,
      };
    });
    const reasons = await python.call<(string | null)[]>('csrf_reasons', { requests });
    const trustedOrigins = ['https://dashboard.example.com', 'https://*.trusted.example'];
    const refused = new Map<string, number>();
    const different = requests.flatMap(({ session: entries, formToken, ...request }, i) => {
      // Django looks into the form of POST only.
      const inForm = request.method === 'POST' ? formToken : undefined;
      const own = reasonOf(() =>
        verifyCsrf(holding(entries), { ...request, formToken: inForm }, { trustedOrigins }),
      );
      const django = reasons[i] ?? null;
      refused.set(own?.reason ?? 'accepted', (refused.get(own?.reason ?? 'accepted') ?? 0) + 1);
      // 3.2 has other words for its reasons.
      const same = is32 ? (own === null) === (django === null) : (own?.message ?? null) === django;
      return same ? [] : [{ request: { ...request, formToken }, ours: own?.message, django }];
    });
    expect(different).toEqual([]);
    expect(Object.fromEntries(refused)).toMatchObject({
      accepted: expect.any(Number),
      INCORRECT: expect.any(Number),
      INCORRECT_LENGTH: expect.any(Number),
      INVALID_CHARACTERS: expect.any(Number),
      CSRF_TOKEN_MISSING: expect.any(Number),
      NO_CSRF_COOKIE: expect.any(Number),
      NO_REFERER: expect.any(Number),
      BAD_REFERER: expect.any(Number),
      INSECURE_REFERER: expect.any(Number),
      MALFORMED_REFERER: expect.any(Number),
      ...(!is32 && { BAD_ORIGIN: expect.any(Number) }),
    });
  });

  it('finds every redirect safe that we do, in 20,000 random cases', async () => {
    const urls = randomUrls(20_000, 11);
    const hosts = ['shop.example', 'user@shop.example', 'shop.example:8443'];
    for (const require_https of [false, true]) {
      const options = { allowedHosts: hosts, requireHttps: require_https };
      const theirs = await python.call<boolean[]>('safe_urls', { urls, hosts, require_https });
      const ours = urls.map((url) => isSafeRedirect(url, options));
      expect(urls.filter((_, i) => ours[i] && !theirs[i])).toEqual([]);
      expect(ours.filter(Boolean).length).toBeGreaterThan(1000);
    }
  });
});

function reasonOf(run: () => void): { reason: string; message: string } | null {
  try {
    run();
    return null;
  } catch (error) {
    return error as Error & { reason: string };
  }
}
