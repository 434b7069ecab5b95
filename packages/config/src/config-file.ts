import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ImproperlyConfigured } from '@coatcheck/core';
import { importUserModule } from './user-module.ts';

const names = [
  'sessions.config.ts',
  'sessions.config.js',
  'sessions.config.mjs',
  'sessions.config.json',
];

/** The nearest `sessions.config.*` in the directory or above it. */
export function findConfigFile(directory: string): string | undefined {
  const found = names.map((name) => join(directory, name)).find((file) => existsSync(file));
  const parent = dirname(directory);
  return found ?? (parent === directory ? undefined : findConfigFile(parent));
}

/**
 * What the configuration file exports by default.
 *
 * @throws {ImproperlyConfigured} when the file is missing, cannot be read or has no default export
 */
export async function readConfigFile(file: string): Promise<unknown> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new ImproperlyConfigured(`There is no configuration file ${path}.`);
  }
  if (path.endsWith('.json')) return readJson(path);
  const module = await importUserModule(path, dirname(path), `The configuration file ${path}`);
  if (module.default === undefined) {
    throw new ImproperlyConfigured(
      `The configuration file ${path} has no default export; write "export default defineConfig({ … })".`,
    );
  }
  return module.default;
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The parser's own message quotes the text, which may hold the secret.
    throw new ImproperlyConfigured(`The configuration file ${path} is not valid JSON.`, {
      cause: error,
    });
  }
}
