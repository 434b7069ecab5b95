import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = path.join(import.meta.dirname, '../../..');
const page = readFileSync(path.join(root, 'docs/security.md'), 'utf8');
/** The rows of tables with a number in front: `| S1 | …`. */
const rows = new Map(
  page
    .split('\n')
    .map((line) => /^\| ([RST]\d+) \|(.*)\|$/.exec(line))
    .flatMap((match) => (match ? [[match[1] as string, match[2] as string]] : [])),
);

/** The tests of a package, as the page names them. */
function testsOf(name: string): string[] {
  const directory = path.join(root, 'packages', name, 'test');
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return files.map((file) => `${name} ${path.basename(file)}`);
}

const numbers = (letter: string, most: number) =>
  Array.from({ length: most }, (_, i) => `${letter}${i + 1}`);

describe('docs/security.md', () => {
  it.each([...numbers('S', 27), ...numbers('T', 9), ...numbers('R', 22)])(
    'has a row for %s that names a test',
    (id) => {
      expect(rows.get(id)).toMatch(/`[\w.-]+\.test\.ts`|tests against/);
    },
  );

  it('names tests that there are', () => {
    const cited = /([a-z-]+) ((?:`[\w.-]+\.test\.ts`(?:: [^|;,]*)?(?:, )?)+)/g;
    const named = [...page.matchAll(cited)].flatMap(([, name = '', files = '']) =>
      [...files.matchAll(/`([\w.-]+)`/g)].map(([, file = '']) => `${name} ${file}`),
    );
    const names = new Set(named.map((each) => each.split(' ')[0] as string));
    const present = new Set([...names].flatMap(testsOf));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((each) => !present.has(each))).toEqual([]);
  });

  it('quotes their titles as they are', () => {
    const cited = /([a-z-]+) `([\w.-]+\.test\.ts)`: ("[^"]+"(?:, "[^"]+")*)/g;
    const quoted = [...page.matchAll(cited)].flatMap(([, name = '', file = '', titles = '']) =>
      [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ name, file, title })),
    );
    const isThere = ({ name, file, title }: (typeof quoted)[number]): boolean => {
      const directory = path.join(root, 'packages', name, 'test');
      const found = readdirSync(directory, { recursive: true, encoding: 'utf8' });
      const text = found
        .filter((each) => path.basename(each) === file)
        .map((each) => readFileSync(path.join(directory, each), 'utf8'));
      return text.some((each) => each.includes(title));
    };
    expect(quoted.length).toBeGreaterThan(30);
    expect(quoted.filter((each) => !isThere(each))).toEqual([]);
  });
});
