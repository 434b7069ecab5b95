import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A new directory, and what removes it with all that is in it. */
export function temporaryDirectory(parent: string = tmpdir()): {
  path: string;
  remove: () => void;
} {
  const directory = mkdtempSync(path.join(parent, 'coatcheck-db-'));
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
