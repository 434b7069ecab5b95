// The built packages in plain Node, by import and by require; then the tarballs, with publint and attw.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'coatcheck-pack-'));

try {
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (manifest.private) continue;
    // A package may refer to itself by name, so its own folder is a place to load it from.
    const require = createRequire(join(folder, 'package.json'));
    for (const entry of Object.keys(manifest.exports)) {
      if (entry === './package.json') continue;
      const specifier = manifest.name + entry.slice(1);
      const required = require(specifier);
      const imported = await import(require.resolve(specifier));
      assert.deepEqual(Object.keys(imported).sort(), exportsOf(required), specifier);
    }
    run('npx', ['--yes', 'pnpm@12', 'pack', '--pack-destination', directory], folder);
    const tarball = readdirSync(directory).find((file) => file.endsWith('.tgz'));
    assert.ok(tarball, `${manifest.name} was not packed`);
    run('npx', ['publint', 'run', '--strict', join(directory, tarball)], root);
    run('npx', ['attw', '--profile', 'esm-only', join(directory, tarball)], root);
    rmSync(join(directory, tarball));
    console.log(`${manifest.name}: loads by import and require; its tarball is sound`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function exportsOf(required) {
  return Object.keys(required)
    .filter((name) => name !== '__esModule')
    .sort();
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
}
