// Installs the workspace with pnpm when the lockfile has changed since the last install.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.coatcheck-installed`;

// The native addon is bound to Node's ABI, so another Node means another install.
const wanted = createHash('sha256')
  .update(readFileSync(`${root}pnpm-lock.yaml`))
  .update(process.versions.modules)
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
  const { status, error } = spawnSync(
    npx,
    ['--yes', 'pnpm@12', 'install', '--frozen-lockfile', '--prefer-offline'],
    // SQLite is compiled here: -O2, as its authors do, takes a quarter less time than the addon's -O3.
    { cwd: root, stdio: 'inherit', env: { JOBS: 'max', CFLAGS: '-O2', ...process.env } },
  );
  if (status !== 0) {
    console.error(`The packages could not be installed${error ? `: ${error.message}` : '.'}`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
