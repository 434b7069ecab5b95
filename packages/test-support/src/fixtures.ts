import { readFileSync } from 'node:fs';

/** The data of one file in `fixtures/django`, made by a real Django; its README explains the fields. */
export function djangoFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/django/${name}`, import.meta.url), 'utf8'));
}
