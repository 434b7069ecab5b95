import { defineConfig } from '@coatcheck/config';
import { keptSecretKey, varDirectory } from './src/var-directory.ts';

/** SQLite, unless the environment says otherwise: `SESSION_ENGINE=… SESSION_DB_URL=… npm start`. */
export default defineConfig({
  secretKey: process.env.SECRET_KEY || keptSecretKey(),
  db: { url: `sqlite:${varDirectory()}/sessions.sqlite3` },
});
