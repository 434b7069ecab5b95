// Installs and builds what has changed, then runs the demo shop in this process, so that signals reach it.
import './install.mjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const demo = fileURLToPath(new URL('../packages/demo', import.meta.url));

const { status } = spawnSync(process.execPath, [tsc, '-b', demo], { stdio: 'inherit' });
if (status === 0) {
  await import('../packages/demo/dist/main.js');
} else {
  console.error('The shop could not be built.');
  process.exitCode = 1;
}
