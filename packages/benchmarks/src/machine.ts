import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { findProgram } from '@coatcheck/test-support';

/** Where and with what was measured. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** The last commit, where the sources are a clone; `-dirty` where they differ from it. */
  readonly commit?: string;
  /** Of packages and programs, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

const PROGRAMS = { Redis: 'redis-server', PostgreSQL: 'postgres', MariaDB: 'mariadbd' };

/** @param packages those whose versions matter. */
export function describeMachine(packages: readonly string[], date: Date): Machine {
  const processors = os.cpus();
  const commit = commitOf();
  return {
    date: date.toISOString(),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    ...(commit && { commit }),
    versions: {
      ...Object.fromEntries([...new Set(packages)].sort().map((name) => [name, versionOf(name)])),
      ...programVersions(),
    },
  };
}

function commitOf(): string | undefined {
  try {
    const options = { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12'], options).trim();
  } catch {
    return undefined;
  }
}

function versionOf(name: string): string {
  const { resolve } = createRequire(import.meta.url);
  for (let directory = path.dirname(resolve(name)); ; directory = path.dirname(directory)) {
    try {
      const found = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
      if (found.name === name) return found.version;
    } catch {
      // A directory without one.
    }
    if (directory === path.dirname(directory)) return 'unknown';
  }
}

function programVersions(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const file = findProgram(program, `/usr/sbin/${program}`);
    if (!file) continue;
    const text = execFileSync(file, ['--version'], { encoding: 'utf8' });
    found[name] = /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? 'unknown';
  }
  return found;
}
