import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FaultyDisk } from './place.ts';

/** Why there is no small disk to be had, or `undefined`: there is. */
export const diskIsMissing: string | undefined =
  process.platform === 'linux' && process.geteuid?.() === 0
    ? undefined
    : 'a disk of its own needs root on Linux';

/** A private directory of the suite; with `diskBytes` on a disk of its own, where such can be had. */
export class Directory {
  readonly path: string;
  readonly disk: FaultyDisk | undefined;
  readonly #root: string = mkdtempSync(path.join(tmpdir(), 'coatcheck-faults-'));

  constructor(diskBytes?: number) {
    this.path = path.join(this.#root, 'place');
    mkdirSync(this.path, { mode: 0o700 });
    if (diskBytes === undefined || diskIsMissing !== undefined) return;
    this.#mount(`size=${diskBytes},mode=700`);
    const filler = path.join(this.path, 'filler');
    this.disk = {
      fill: () => fillUp(filler),
      free: () => writeFileSync(filler, ''),
    };
  }

  /** Makes the disk one that can only be read, or be written again. */
  setReadOnly(readOnly: boolean): void {
    this.#mount(readOnly ? 'remount,ro' : 'remount,rw');
  }

  /** For servers that have an account of their own. */
  openToOtherAccounts(): void {
    for (const directory of [this.#root, this.path]) chmodSync(directory, 0o755);
  }

  remove(): void {
    if (this.disk) execFileSync('umount', ['--lazy', this.path]);
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  #mount(options: string): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.path]);
  }
}

function fillUp(file: string): void {
  for (let bytes = 65_536; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) writeFileSync(file, 'x'.repeat(bytes), { flag: 'a' });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOSPC') throw error;
    }
  }
}
