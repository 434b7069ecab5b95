import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the demo keeps what it makes: its secret and its database. Made on first use. */
export function varDirectory(): string {
  const directory = fileURLToPath(new URL('../var', import.meta.url));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** The secret that the demo made when it first started, so that sessions survive a restart. */
export function keptSecretKey(): string {
  const file = `${varDirectory()}/secret-key`;
  if (!existsSync(file)) writeOnce(file, randomBytes(48).toString('base64url'));
  return readFileSync(file, 'utf8');
}

// Linked when complete: two first starts at once agree, and none reads half a secret.
function writeOnce(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}
