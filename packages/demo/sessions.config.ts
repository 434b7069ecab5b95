import { defineConfig } from '@coatcheck/config';
import { keptSecretKey, varDirectory } from './src/var-directory.ts';

// Files and cookies cannot tell whose sessions they are: there the shop has no page of devices.
const listsAccounts = /(^|\.)(db|cache|cached_db)$/.test(process.env.SESSION_ENGINE || 'db');

/** SQLite, unless the environment says otherwise: `SESSION_ENGINE=… SESSION_DB_URL=… npm start`. */
export default defineConfig({
  secretKey: process.env.SECRET_KEY || keptSecretKey(),
  db: { url: `sqlite:${varDirectory()}/sessions.sqlite3` },
  account: listsAccounts ? true : undefined,
});
