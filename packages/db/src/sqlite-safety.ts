import { statSync } from 'node:fs';
import { fileSystemFinding, type SafetyFinding } from '@coatcheck/core';
import type { SqliteDatabase } from './sqlite-database.ts';

/** What the SQLite file would lose, as this connection is set up. */
export function sqliteFindings(database: SqliteDatabase): SafetyFinding[] {
  const about = 'SQLite durability';
  const files = database.pragma('database_list') as readonly { name: string; file: string }[];
  const file = files.find(({ name }) => name === 'main')?.file;
  if (!file) {
    return [
      {
        level: 'unsafe',
        about,
        message: 'The database is in memory: the end of the process loses every session.',
      },
    ];
  }
  const found = [durability(database, about), fileSystemFinding(file), ownerFinding(file)];
  return found.filter((finding) => finding !== undefined);
}

function durability(database: SqliteDatabase, about: string): SafetyFinding {
  const journal = String(database.pragma('journal_mode', { simple: true }));
  const synchronous = Number(database.pragma('synchronous', { simple: true }));
  if (journal === 'off' || journal === 'memory') {
    return {
      level: 'unsafe',
      about,
      message: `journal_mode is ${journal}: a crash in the middle of a write destroys the database. Set it to WAL.`,
    };
  }
  if (synchronous === 0) {
    return {
      level: 'unsafe',
      about,
      message:
        'synchronous is OFF: a power cut can destroy the database. Set db.synchronous to FULL.',
    };
  }
  if (synchronous === 1) {
    return {
      level: 'notice',
      about,
      message:
        'synchronous is NORMAL: a power cut loses the last moments, logouts among them; a crash of the process loses nothing. Set db.synchronous to FULL, which group commit makes as cheap.',
    };
  }
  return { level: 'safe', about, message: 'synchronous is FULL: what was answered is on disk.' };
}

/** Whoever reads the file has the keys of live sessions. */
function ownerFinding(file: string): SafetyFinding | undefined {
  if (process.platform === 'win32' || (statSync(file).mode & 0o044) === 0) return undefined;
  return {
    level: 'unsafe',
    about: 'SQLite file',
    message:
      'Other users of the machine can read the file, and the session keys in it: chmod 600 it, and its -wal and -shm files.',
  };
}
