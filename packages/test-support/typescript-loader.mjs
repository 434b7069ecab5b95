import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire, register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

// For child processes of tests: `node --conditions=@coatcheck/source --import <this file> child.ts` needs no build.
if (isMainThread) register(import.meta.url);

const options = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'es6' },
};
const { version } = createRequire(import.meta.url)('@swc/core/package.json');
// Hundreds of processes start in one run of the tests, and transforming was half of what it takes to start one.
const cache = new URL('../../node_modules/.cache/typescript-loader/', import.meta.url);

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const source = await transformed(fileURLToPath(url));
  return { format: 'module', source, shortCircuit: true };
}

async function transformed(filename) {
  const text = await readFile(filename, 'utf8');
  const known = createHash('sha256').update(JSON.stringify([version, options, filename, text]));
  const file = new URL(known.digest('hex'), cache);
  // What cannot be read, or was cut off by a power cut, is made again.
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept) return kept;
  const { transform } = await import('@swc/core');
  const { code } = await transform(text, { filename, ...options });
  // Where it cannot be kept, the next process transforms it again.
  await keep(file, code).catch(() => {});
  return code;
}

/** Other processes see all of it or nothing. */
async function keep(file, code) {
  const part = new URL(`${file.href}.${randomUUID()}`);
  await mkdir(cache, { recursive: true });
  await writeFile(part, code);
  await rename(part, file);
}
