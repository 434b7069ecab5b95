// The built packages in plain Node, by import and by require; then the tarballs, with publint and attw.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'coatcheck-pack-'));
const packages = readdirSync(join(root, 'packages'))
  .map((name) => {
    const folder = join(root, 'packages', name);
    return { folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) };
  })
  .filter(({ manifest }) => !manifest.private);
assert.ok(packages.length > 0, 'There is no package to check.');

try {
  for (const { folder, manifest } of packages) await checkEntries(folder, manifest);
  // Each takes seconds, most of which npm and the checkers take to start.
  const left = packages.values();
  const checks = Array.from({ length: availableParallelism() }, () => checkTarballs(left));
  // The directory is removed when nobody needs it any more.
  await Promise.allSettled(checks);
  await Promise.all(checks);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function checkEntries(folder, manifest) {
  // A package may refer to itself by name, so its own folder is a place to load it from.
  const require = createRequire(join(folder, 'package.json'));
  for (const entry of Object.keys(manifest.exports)) {
    if (entry === './package.json') continue;
    const specifier = manifest.name + entry.slice(1);
    const required = require(specifier);
    const imported = await import(require.resolve(specifier));
    assert.deepEqual(Object.keys(imported).sort(), exportsOf(required), specifier);
  }
}

function exportsOf(required) {
  return Object.keys(required)
    .filter((name) => name !== '__esModule')
    .sort();
}

/** @param left an iterator that others take packages from, too */
async function checkTarballs(left) {
  for (const { folder, manifest } of left) {
    const destination = join(directory, manifest.name.replaceAll('/', '-'));
    mkdirSync(destination);
    await run('npx', ['--yes', 'pnpm@12', 'pack', '--pack-destination', destination], folder);
    const tarball = readdirSync(destination).find((file) => file.endsWith('.tgz'));
    assert.ok(tarball, `${manifest.name} was not packed`);
    await run('npx', ['publint', 'run', '--strict', join(destination, tarball)], root);
    await run('npx', ['attw', '--profile', 'esm-only', join(destination, tarball)], root);
    console.log(`${manifest.name}: loads by import and require; its tarball is sound`);
  }
}

async function run(command, args, cwd) {
  try {
    await promisify(execFile)(command, args, { cwd });
  } catch ({ message, stdout, stderr }) {
    assert.fail(`${message}\n${stdout}\n${stderr}`);
  }
}
