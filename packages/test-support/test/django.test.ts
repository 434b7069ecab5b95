import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Django, describeDjangos, djangos } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { findDjangos, missing } from '../src/django.ts';

let required: string | undefined;
beforeEach(() => {
  required = process.env.REQUIRE_SERVICES;
  delete process.env.REQUIRE_SERVICES;
});
afterEach(() => {
  if (required !== undefined) process.env.REQUIRE_SERVICES = required;
});

describe('the Djangos of a machine', () => {
  it('are an error where DJANGO_PATH names a directory without one', () => {
    const empty = mkdtempSync(path.join(tmpdir(), 'coatcheck-no-django-'));
    try {
      expect(() => findDjangos(['/usr/bin/python3', 'python3'], empty)).toThrow(
        `DJANGO_PATH names ${empty}`,
      );
    } finally {
      rmSync(empty, { recursive: true });
    }
  });

  it('may be none, unless services are required', () => {
    expect(findDjangos(['/bin/false', 'no-such-python'], '')).toEqual([]);
    process.env.REQUIRE_SERVICES = '1';
    expect(() => findDjangos(['/bin/false'], '')).toThrow('apt-get install python3-django ');
  });
});

describeDjangos({ describe, it }, 'the directory of a Django', (django) => {
  it('may be named by DJANGO_PATH, among others', () => {
    const directory = path.dirname(packageDirectory(django));
    const found = findDjangos([django.python], `${directory}::${directory}`);
    const given = { ...django, env: { PYTHONPATH: directory } };
    expect(found.slice(-2)).toEqual([given, given]);
  });
});

describe('tests that need Django', () => {
  it('are defined once for each', () => {
    const django = (version: string): Django => ({ version, python: '', env: {}, has: new Set() });
    const titles: string[] = [];
    const given: string[] = [];
    describeDjangos(
      {
        describe(title, define) {
          titles.push(title);
          define();
        },
        it: { skip: () => {} },
      },
      'shared sessions',
      ({ version }) => given.push(version),
      [django('3.2.25'), django('5.2.18')],
    );
    expect(titles).toEqual(['shared sessions, Django 3.2.25', 'shared sessions, Django 5.2.18']);
    expect(given).toEqual(['3.2.25', '5.2.18']);
  });

  it('are skipped by name where there is none', () => {
    const skip = jest.fn();
    describeDjangos({ describe: jest.fn(), it: { skip } }, 'shared sessions', () => {}, []);
    const title =
      'shared sessions: there is no Django; apt-get install python3-django python3-django-redis ' +
      'python3-psycopg2 python3-mysqldb';
    expect(skip).toHaveBeenCalledWith(title, expect.any(Function));
  });
});

// Once, for all the tests of all packages that are skipped.
if (djangos().length === 0)
  process.stderr.write(`Tests with a real Django are skipped: ${missing}.\n`);

/** The directory of the package `django`. */
function packageDirectory(django: Django): string {
  const code = 'import django, os; print(os.path.dirname(django.__file__))';
  return execFileSync(django.python, ['-c', code], {
    env: { ...process.env, ...django.env },
    encoding: 'utf8',
  }).trim();
}
