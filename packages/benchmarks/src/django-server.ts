import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Django, type DjangoDriver, djangos } from '@coatcheck/test-support';
import type { Contender } from './contender.ts';
import { djangoSettings } from './contenders/django.ts';
import type { Place, Whereabouts } from './places.ts';
import type { Running, Usage } from './running.ts';

const DIRECTORY = fileURLToPath(new URL('../django', import.meta.url));
/** One process with one thread, as Node has; connections are kept as long as everybody's. */
const OPTIONS = ['--workers=1', '--worker-class=gthread', '--threads=1', '--keep-alive=600'];

/** Why Django cannot take part; `undefined`: it can. */
export function djangoIsMissing(): string | undefined {
  const [django] = djangos();
  if (!django) return 'Django is not installed: apt-get install python3-django';
  if (process.platform !== 'linux') return 'the CPU time of Django is read from /proc';
  return gunicornVersion(django) === undefined
    ? 'gunicorn is not installed: apt-get install gunicorn'
    : undefined;
}

/** Modules that a Django needs for its sessions to live in the place: one of each list. */
const DRIVERS: Readonly<Partial<Record<Place, readonly DjangoDriver[]>>> = {
  redis: ['django_redis'],
  'cached-db': ['django_redis'],
  postgresql: ['psycopg', 'psycopg2'],
  mariadb: ['MySQLdb'],
};

/** Why Django cannot take part in a place; `undefined`: it can. */
export function djangoLacks(place: Place): string | undefined {
  const drivers = DRIVERS[place];
  const has = djangos()[0]?.has;
  if (!drivers || drivers.some((driver) => has?.has(driver))) return undefined;
  return `its Python has no ${drivers.join(' or ')}`;
}

/** Of what runs Django contenders. */
export function djangoVersions(): Record<string, string> {
  const [django] = djangos();
  const gunicorn = django && gunicornVersion(django);
  return gunicorn ? { Django: django.version, gunicorn } : {};
}

function gunicornVersion({ python, env }: Django): string | undefined {
  try {
    return execFileSync(python, ['-c', 'import gunicorn; print(gunicorn.__version__)'], {
      ...{ env: { ...process.env, ...env }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    }).trim();
  } catch {
    return undefined;
  }
}

/** Starts a Django contender under gunicorn. @throws {Error} with what it printed, when it does not start. */
export async function startDjango(contender: Contender, at: Whereabouts): Promise<Running> {
  const [django] = djangos();
  if (!django) throw new Error(djangoIsMissing());
  const args = ['-m', 'gunicorn', '--bind=127.0.0.1:0', ...OPTIONS, `--chdir=${DIRECTORY}`];
  const settings = JSON.stringify(djangoSettings(contender, at));
  const child = spawn(django.python, [...args, 'bench_site:application'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, ...django.env, PYTHONDONTWRITEBYTECODE: '1', BENCH_SETTINGS: settings },
  });
  let printed = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${contender.name} ended with: ${printed}`)));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      printed = (printed + text).slice(-2000);
      const [, found] = /Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(printed) ?? [];
      if (found && printed.includes('Booting worker')) resolve(Number(found));
    });
  });
  return {
    contender,
    port,
    cpuStepMicros: TICK_MICROS,
    usage: async () => usageOf(child.pid as number),
    printed: () => printed,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Microseconds of the kernel's clock tick, which is 100 Hz for all of its accounts. */
const TICK_MICROS = 10_000;
const PAGE_BYTES = 4096;

/** What the process and those it started have used. */
function usageOf(pid: number): Usage {
  const usages = processTree(pid).map((each) => {
    // The name of the program, in parentheses, may hold anything.
    const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0] = fields.slice(11, 13);
    return { ticks: user + system, pages: fields[21] ?? 0 };
  });
  return {
    cpuMicros: usages.reduce((sum, { ticks }) => sum + ticks, 0) * TICK_MICROS,
    rssBytes: usages.reduce((sum, { pages }) => sum + pages, 0) * PAGE_BYTES,
  };
}

function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => processTree(Number(child)))];
}
