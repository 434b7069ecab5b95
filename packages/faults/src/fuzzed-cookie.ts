import type { Random } from '@coatcheck/test-support';

const KEY_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A value of the Cookie header between the plausible and the absurd. */
export function fuzzedCookie(random: Random): Buffer {
  const text = (length: number, alphabet: string): string =>
    Array.from({ length }, () => alphabet[random(alphabet.length)]).join('');
  const bytes = (length: number, from: number): string =>
    String.fromCharCode(...Array.from({ length }, () => from + random(256 - from)));
  const key = (): string => text(32, KEY_CHARACTERS);
  const values = [
    () => bytes(random(80), 0x01),
    () => bytes(random(80), 0x20),
    () => bytes(random(80), 0x80),
    () => text(random(60), '%0123456789abcdefABCDEF'),
    () => text(random(60), '"\\;=, \t'),
    () => `"${text(random(40), 'ab"\\012,;')}"`,
    () => `"\\000${key()}\\000"`,
    () => `${key().slice(0, 31)}%00`,
    () => `${key().slice(0, 31)}\\000`,
    key,
    () => key().toUpperCase(),
    () => key().slice(0, random(33)),
    () => `${key()}${text(1 + random(3), 'a0.-')}`,
    () => `${key()}:${text(6, 'abcXYZ')}:${text(43, 'abcXYZ-_')}`,
    () => `../../${key()}`,
    () => `${key()}' OR '1'='1`,
    () => '{"__proto__":{"admin":true}}',
    () => text(1000 + random(7000), KEY_CHARACTERS),
    () => `sessionid=${key()}; sessionid=${key()}`,
    () => Array.from({ length: random(200) }, () => `sessionid=${key()}`).join(';'),
  ];
  const value = values[random(values.length)]?.() ?? '';
  const names = ['sessionid=', ' sessionid = ', 'sessionid', 'SessionId=', '=', ''];
  const name = names[random(10)] ?? 'sessionid=';
  // A header ends at a line break, so that one in a value would only make other headers.
  return Buffer.from(`${name}${value}`.replace(/[\r\n]/g, '\t'), 'latin1');
}

/** Whether the header says one session key, and so may lead to a call of the backend; a reading of our own. */
export function holdsOneKey(header: Buffer): boolean {
  const values = header
    .toString('latin1')
    .split(';')
    .map((part) => /^[ \t]*sessionid[ \t]*=[ \t]*"?(.*?)"?[ \t]*$/s.exec(part)?.[1])
    .filter((value) => value !== undefined);
  const [value] = values;
  return new Set(values).size === 1 && /^[a-z0-9]{32}$/.test(String(value));
}
