import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSessions } from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';
import { type RunOptions, run } from 'coatcheck';

/** A directory of its own, with a secret and no configuration file: sessions in SQLite. */
export class Here {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'coatcheck-cli-'));
  env: Record<string, string> = { SECRET_KEY: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf' };

  /** Runs a command line; the words are separated by spaces. */
  async coatcheck(args: string, options: RunOptions = {}) {
    let stdout = '';
    let stderr = '';
    const code = await run(args.split(' ').filter(Boolean), {
      cwd: this.directory,
      env: this.env,
      isTerminal: false,
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      ...options,
    });
    return { code, stdout, stderr };
  }

  /** Works with the sessions that the command line finds here. */
  async withSessions<T>(work: (sessions: Sessions<Entries>) => Promise<T>): Promise<T> {
    const options = { cwd: this.directory, env: this.env };
    const sessions = await loadSessions<Entries>(undefined, options);
    try {
      return await work(sessions);
    } finally {
      await sessions.close();
    }
  }

  /** Stores a session and returns its key. */
  async store(entries: Entries, expiry?: Date): Promise<string> {
    return this.withSessions(async (sessions) => {
      const session = sessions.open();
      session.update(entries);
      if (expiry) session.setExpiry(expiry);
      await session.save();
      return String(session.sessionKey);
    });
  }

  async exists(key: string): Promise<boolean> {
    return this.withSessions((sessions) => sessions.exists(key));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What the tests store. */
export type Entries = Record<string, unknown>;
