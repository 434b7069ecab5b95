// Installs and builds what has changed, then measures: npm run bench -- [PLACE…] [SCENARIO…] [--quick]
import './install.mjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const benchmarks = fileURLToPath(new URL('../packages/benchmarks', import.meta.url));

const { status } = spawnSync(process.execPath, [tsc, '-b', benchmarks], { stdio: 'inherit' });
if (status === 0) {
  await import('../packages/benchmarks/dist/main.js');
} else {
  console.error('The benchmarks could not be built.');
  process.exitCode = 1;
}
