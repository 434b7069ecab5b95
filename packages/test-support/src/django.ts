import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { findProgram } from './private-server.ts';
import { type PythonOptions, PythonProcess } from './python-process.ts';

/** Modules that a Django's databases and caches need; not every Python has all of them. */
const drivers = ['django_redis', 'redis', 'psycopg', 'psycopg2', 'MySQLdb'] as const;

/** A module that a database or cache of Django needs. */
export type DjangoDriver = (typeof drivers)[number];

/** A Django that tests can run. */
export interface Django {
  /** As in `3.2.25`. */
  readonly version: string;
  /** The Python that runs it. */
  readonly python: string;
  /** The variables with which that Python finds it. */
  readonly env: Readonly<Record<string, string>>;
  /** Which drivers that Python can load together with it. */
  readonly has: ReadonlySet<DjangoDriver>;
}

/** Why tests with a real Django are skipped, and how to get one. */
export const missing =
  'there is no Django; apt-get install python3-django python3-django-redis python3-psycopg2 python3-mysqldb';

/**
 * Every Django that is there: the system's, then those in the directories that the variable `DJANGO_PATH` names
 * (several separated by `:`; each contains the package `django`).
 *
 * @throws {Error} where `DJANGO_PATH` names a directory without one, and where there is none and `REQUIRE_SERVICES=1`.
 */
export function djangos(): readonly Django[] {
  found ??= findDjangos(['/usr/bin/python3', 'python3'], process.env.DJANGO_PATH ?? '');
  return found;
}

let found: readonly Django[] | undefined;

/**
 * Tests for each Django that is there; where there is none, the title of one skipped test says how to get it.
 *
 * @throws {Error} like `djangos`.
 */
export function describeDjangos(
  { describe, it }: Jest,
  title: string,
  define: (django: Django) => void,
  all: readonly Django[] = djangos(),
): void {
  for (const django of all) describe(`${title}, Django ${django.version}`, () => define(django));
  if (all.length > 0) return;
  it.skip(`${title}: ${missing}`, () => {});
}

/** The functions of the test runner that `describeDjangos` calls. */
interface Jest {
  readonly describe: (title: string, define: () => void) => void;
  readonly it: { readonly skip: (title: string, run: () => void) => void };
}

/** Runs a script with this Django, and calls its functions. */
export function startPython(
  django: Django,
  script: string,
  { args = [], env = {} }: PythonOptions = {},
): PythonProcess {
  return new PythonProcess(django.python, script, { args, env: { ...env, ...django.env } });
}

/** The first of the Pythons that has a Django runs that; any of them runs those in the directories of `djangoPath`. */
export function findDjangos(pythons: readonly string[], djangoPath: string): readonly Django[] {
  // Debian's packages belong to Debian's Python, which need not be the first in PATH.
  const files = pythons.map((name) => findProgram(name)).filter((file) => file !== undefined);
  const installed = firstThatRuns(files, {});
  const given = djangoPath
    .split(':')
    .filter(Boolean)
    .map((directory) => {
      const django = firstThatRuns(files, { PYTHONPATH: path.resolve(directory) });
      if (django) return django;
      throw new Error(`DJANGO_PATH names ${directory}, where no python3 finds a Django to run.`);
    });
  const all = installed ? [installed, ...given] : given;
  if (all.length === 0 && process.env.REQUIRE_SERVICES === '1') {
    throw new Error(`REQUIRE_SERVICES is 1, but ${missing}.`);
  }
  return all;
}

const probe = `
import importlib, json, sys
import django
has = []
for driver in sys.argv[1:]:
    try:
        importlib.import_module(driver)
        has.append(driver)
    except ImportError:
        pass
print(json.dumps({"version": django.get_version(), "file": django.__file__, "has": has}))
`;

function firstThatRuns(
  pythons: readonly string[],
  env: Readonly<Record<string, string>>,
): Django | undefined {
  for (const python of pythons) {
    try {
      const answer = execFileSync(python, ['-B', '-c', probe, ...drivers], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      });
      const { version, file, has } = JSON.parse(answer);
      // A directory without Django leaves Python with the system's.
      if (env.PYTHONPATH && !file.startsWith(`${env.PYTHONPATH}${path.sep}`)) continue;
      return { version, python, env, has: new Set<DjangoDriver>(has) };
    } catch {
      // This one has no Django.
    }
  }
  return undefined;
}
