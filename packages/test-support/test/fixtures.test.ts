import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';

const root = path.join(import.meta.dirname, '../../..');
const fixtures = path.join(import.meta.dirname, '../fixtures/django');

/** How a source reads fixtures. */
interface Readings {
  /** The names in `djangoFixture('name')`. */
  readonly names: string[];
  /** Whether it reads any in another way, so that nobody can tell which. */
  readonly isUnclear: boolean;
}

/** A node of a syntax tree, as far as it matters here. */
type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** The fixtures that a source asks for; comments and texts ask for none. */
function readingsOf(source: string, file = 'source.ts'): Readings {
  const names: string[] = [];
  let mentions = 0;
  const look = (node: unknown): void => {
    if (!isNode(node)) return;
    if (node.type === 'ImportSpecifier') {
      // Null where the name is kept.
      if (isNode(node.imported) && node.imported.value === 'djangoFixture') mentions += 1;
      return;
    }
    if (node.type === 'Identifier' && node.value === 'djangoFixture') mentions += 1;
    const name = fixtureNamedIn(node);
    if (name !== undefined) {
      names.push(name);
      mentions -= 1;
    }
    for (const part of Object.values(node)) look(part);
  };
  look(parseSync(source, { syntax: 'typescript', tsx: file.endsWith('x') }));
  return { names, isUnclear: mentions > 0 };
}

/** `name`, where the node is the call `djangoFixture('name')`. */
function fixtureNamedIn({ type, callee, arguments: given }: Node): string | undefined {
  if (type !== 'CallExpression' || !isNode(callee) || callee.value !== 'djangoFixture') return;
  const [first] = given as { expression: Node }[];
  const { type: kind, value } = first?.expression ?? {};
  return kind === 'StringLiteral' ? (value as string) : undefined;
}

/** The files in a directory and those in it, as paths from there; none where there is no directory. */
function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** Every source of the repository's packages that could read a fixture. */
const sources = readdirSync(path.join(root, 'packages'))
  .flatMap((name) => [path.join('packages', name, 'src'), path.join('packages', name, 'test')])
  .filter((directory) => directory !== 'packages/test-support/src')
  .flatMap((place) => filesIn(path.join(root, place)).map((file) => path.join(place, file)))
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => ({ file, source: readFileSync(path.join(root, file), 'utf8') }))
  .filter(({ source }) => source.includes('djangoFixture'))
  .map(({ file, source }) => ({
    file,
    isTest: /\.test\.tsx?$/.test(file),
    ...readingsOf(source, file),
  }));

describe("Django's fixtures", () => {
  const files = readdirSync(fixtures).filter((file) => file !== 'README.md');
  // What only a helper reads may be left over from a test that is gone.
  const read = new Set(sources.filter(({ isTest }) => isTest).flatMap(({ names }) => names));

  it.each(files)('%s is read by a test', (file) => {
    expect(read.has(file)).toBe(true);
  });

  it('are there where a test reads them', () => {
    expect([...read].filter((name) => !files.includes(name))).toEqual([]);
  });

  it("are read as djangoFixture('name'), so that it can be told who reads which", () => {
    expect(sources.filter(({ isUnclear }) => isUnclear).map(({ file }) => file)).toEqual([]);
  });

  const shared = path.join(root, '../shared/fixtures/django');
  const isShared = existsSync(shared);
  const title = 'are those of ../shared/fixtures/django, byte for byte';
  (isShared ? it : it.skip)(
    isShared ? title : `${title}: there is no such directory beside the repository`,
    () => {
      expect(filesIn(fixtures)).toEqual(filesIn(shared));
      for (const file of filesIn(shared)) {
        const [here, there] = [fixtures, shared].map((place) =>
          readFileSync(path.join(place, file)),
        );
        expect({ file, same: here?.equals(there as Buffer) }).toEqual({ file, same: true });
      }
    },
  );
});

describe('a source', () => {
  it.each([
    ["djangoFixture('a.json');", ['a.json']],
    ["const { x } = djangoFixture<Fixture>('a.json');", ['a.json']],
    [
      "it.each(djangoFixture<{ b: 1 }>(\n  'a.json',\n).cases)('%s', () => { djangoFixture(\"b.json\") });",
      ['a.json', 'b.json'],
    ],
    ["const cases = { one: [djangoFixture('a.json')] };", ['a.json']],
  ])('reads the fixtures that it names: %s', (source, names) => {
    expect(readingsOf(source)).toEqual({ names, isUnclear: false });
  });

  it.each([
    "// djangoFixture('a.json')",
    "/* djangoFixture('a.json') */",
    'const text = "djangoFixture(\'a.json\')";',
    "const text = `djangoFixture('a.json')`;",
    "const files = ['a.json'];",
    "otherFixture('a.json');",
    "import { djangoFixture } from '@coatcheck/test-support';",
  ])('reads none where it only mentions them: %s', (source) => {
    expect(readingsOf(source)).toEqual({ names: [], isUnclear: false });
  });

  it.each([
    'djangoFixture(name);',
    'djangoFixture(`a.json`);',
    "djangoFixture('a.' + 'json');",
    'djangoFixture();',
    "['a.json'].map(djangoFixture);",
    "const read = djangoFixture; read('a.json');",
    "import * as support from '@coatcheck/test-support'; support.djangoFixture('a.json');",
    "djangoFixture('a.json'); djangoFixture(name);",
  ])('is unclear where it computes the name, or calls by another: %s', (source) => {
    expect(readingsOf(source).isUnclear).toBe(true);
  });

  it('is unclear where it imports djangoFixture under another name', () => {
    const source =
      "import { djangoFixture as read } from '@coatcheck/test-support'; read('a.json');";
    expect(readingsOf(source)).toEqual({ names: [], isUnclear: true });
  });
});
