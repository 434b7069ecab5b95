import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = path.join(import.meta.dirname, '../../..');
const page = readFileSync(path.join(root, 'docs/security.md'), 'utf8');
/** The rows of tables with a number in front: `| R1 | …`. */
const rows = new Map(
  page
    .split('\n')
    .map((line) => /^\| ([RT]\d+) \|(.*)\|$/.exec(line))
    .flatMap((match) => (match ? [[match[1] as string, match[2] as string]] : [])),
);

const numbers = (letter: string, most: number) =>
  Array.from({ length: most }, (_, i) => `${letter}${i + 1}`);

describe('docs/security.md', () => {
  it.each([...numbers('T', 9), ...numbers('R', 22)])('has a row for %s that names a test', (id) => {
    expect(rows.get(id)).toMatch(/`[\w.-]+\.test\.ts`|tests against/);
  });

  it('names tests that there are', () => {
    const named = [
      ...page.matchAll(/([a-z-]+) ((?:`[\w.-]+\.test\.ts`(?:: [^|;,]*)?(?:, )?)+)/g),
    ].flatMap(([, name = '', files = '']) =>
      [...files.matchAll(/`([\w.-]+)`/g)].map(([, file]) => `packages/${name}/test/${file}`),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});
