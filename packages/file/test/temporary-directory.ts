import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A new directory, and what removes it with all that is in it. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-file-'));
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
