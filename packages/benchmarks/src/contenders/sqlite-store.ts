import { createRequire } from 'node:module';
import type Database from 'better-sqlite3';
import expressSession from 'express-session';

type Constructor = new (options: { client: Database.Database }) => expressSession.Store;

// The package has no types.
const define = createRequire(import.meta.url)('better-sqlite3-session-store') as (
  session: typeof expressSession,
) => Constructor;

/** The store of better-sqlite3-session-store. */
export const SqliteStore: Constructor = define(expressSession);
