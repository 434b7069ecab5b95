import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { isSection, knownSettings, type SettingTable } from '../src/settings.ts';

function pathsIn(table: SettingTable, path: string): string[] {
  return Object.entries(table).flatMap(([name, entry]) =>
    isSection(entry) ? pathsIn(entry, `${path}${name}.`) : `${path}${name}`,
  );
}

it('docs/settings.md has a row for every setting', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/settings.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (`[^|]+) \|/gm)].map(([, first]) => first ?? '');
  const described = new Set(
    rows.flatMap((first) => [...first.matchAll(/`([\w.]+)`/g)].map(([, name]) => name)),
  );
  expect(pathsIn(knownSettings, '').filter((name) => !described.has(name))).toEqual([]);
});
