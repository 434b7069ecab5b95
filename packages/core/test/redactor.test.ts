import { inspect } from 'node:util';
import { Redactor } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';

const KEY = 'abcdefghijklmnopqrstuvwxyz012345';
const OTHER_KEY = '012345abcdefghijklmnopqrstuvwxyz';
const DATA = 'eyJjYW5hcnkiOiJkby1ub3Qtc2hvdy1tZSJ9:1r31Do:Xy-canary_signature';
const redactor = new Redactor('test-only:3kq8Zr!mP0vXy7Lw2Nc9Td5Hb');
const sent = { key: KEY, texts: [DATA, 'hunter2'] };

describe('text for a log', () => {
  it('has a digest where the key was, and nothing where another key was', () => {
    const digest = redactor.digest(KEY);
    expect(redactor.text(`EACCES: permission denied, open '/var/s/sessionid${KEY}'`, sent)).toBe(
      `EACCES: permission denied, open '/var/s/sessionid[session ${digest}]'`,
    );
    expect(redactor.text(`open '/var/s/sessionid${OTHER_KEY}' and ${OTHER_KEY}.`, sent)).toBe(
      "open '/var/s/[key]' and [key].",
    );
  });

  it('has nothing where data were, whole or in part', () => {
    const cut = DATA.slice(3, 20);
    for (const text of [`(${DATA})`, `"${cut}"`, `near '${cut}'...`, `=${cut};`, 'x=hunter2']) {
      const shown = redactor.text(`syntax error ${text}`, sent);
      expect(shown).toContain('syntax error ');
      expect(shown).toContain('[data]');
      expect(shown).not.toMatch(/canary|eyJ|Qyb|hunter/);
      expect(shown).not.toContain(cut.slice(0, 6));
    }
  });

  it('has no endless words, whatever they are', () => {
    expect(redactor.text(`bad token ${'aB/'.repeat(40)} here`)).toBe('bad token […] here');
  });

  it('keeps what helps to find the cause', () => {
    for (const text of [
      'connect ECONNREFUSED 127.0.0.1:6379',
      'relation "django_session" does not exist',
      'getaddrinfo ENOTFOUND redis.internal.example.org',
    ]) {
      expect(redactor.text(text, sent)).toBe(text);
    }
  });
});

describe('an error for a log', () => {
  it('has name, message, code and frames of the original, and nothing else that it had', () => {
    const original = Object.assign(
      new TypeError(`duplicate key value ${KEY}`, {
        cause: Object.assign(new Error(`inner ${DATA}`), { code: 'ESECRET', data: DATA }),
      }),
      {
        code: '23505',
        errno: -111,
        detail: `Key (session_key)=(${KEY}) already exists.`,
        where: DATA,
        sql: `INSERT INTO django_session VALUES ('${KEY}', '${DATA}')`,
        sqlMessage: DATA,
        parameters: [KEY, DATA],
        command: { name: 'set', args: [KEY, DATA] },
        [DATA]: 1,
      },
    );
    const error = redactor.error(original, sent) as Error & { cause: unknown };
    expect(error).toBeInstanceOf(Error);
    expect({ ...error }).toEqual({ code: '23505', errno: -111 });
    expect(error.name).toBe('TypeError');
    expect(error.message).toBe(`duplicate key value [session ${redactor.digest(KEY)}]`);
    expect(error.stack).toContain(`TypeError: ${error.message}\n    at `);
    expect(error.stack).toContain('redactor.test');
    expect(error.cause).toMatchObject({ message: 'inner [data]', code: 'ESECRET' });
    const shown = inspect(error, { depth: Infinity, showHidden: true }) + JSON.stringify(error);
    for (const secret of [KEY, DATA, 'canary']) expect(shown).not.toContain(secret);
    // The original is the driver's, and is left as it is.
    expect(original.message).toContain(KEY);
  });

  it('has no line of the message among its frames', () => {
    const { stack } = redactor.error(
      new Error('bad value "\n    at night, Baker Street"'),
    ) as Error;
    expect(stack?.match(/at night/g)).toHaveLength(1);
    expect(stack).toContain('redactor.test');
  });

  it('has the errors of several attempts', () => {
    const attempts = ['::1', '127.0.0.1'].map((address) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}:5432`), {
        ...{ code: 'ECONNREFUSED', syscall: 'connect', address, port: 5432, key: KEY },
      }),
    );
    const error = redactor.error(new AggregateError(attempts), sent) as AggregateError;
    expect(error.name).toBe('AggregateError');
    expect(error.errors.map((each) => ({ ...each, message: each.message }))).toEqual(
      attempts.map(({ message, code, syscall, address, port }) => ({
        ...{ message, code, syscall, address, port },
      })),
    );
  });

  it('is made of whatever was thrown', () => {
    expect(redactor.error(`no session ${KEY}`, sent)).toBe(
      `no session [session ${redactor.digest(KEY)}]`,
    );
    expect(redactor.error(undefined)).toBeUndefined();
    expect(redactor.error({ code: 'EWHAT', data: DATA })).toMatchObject({ code: 'EWHAT' });
    expect(inspect(redactor.error({ code: 'EWHAT', data: DATA }))).not.toContain(DATA);
  });

  it('ends where causes go round in circles', () => {
    const [one, two] = [new Error('one'), new Error('two')];
    one.cause = two;
    two.cause = one;
    expect(inspect(redactor.error(one), { depth: Infinity })).toContain('two');
  });
});
