import { join } from 'node:path';
import { types } from 'node:util';
import { ImproperlyConfigured } from '@coatcheck/core';

/** The exports of a module of the user's; a CommonJS module's `module.exports` is the default export. */
export type UserModule = Readonly<Record<string, unknown>>;

/**
 * Imports a module of the user's, TypeScript included, as a file in the directory would.
 *
 * @throws {ImproperlyConfigured} when it cannot be found or fails while it loads; `what` begins the sentence, and `remedy` ends it
 */
export async function importUserModule(
  specifier: string,
  directory: string,
  what: string,
  remedy = '',
): Promise<UserModule> {
  const { createJiti } = await import('jiti');
  // No cache of transpiled files: a configuration may hold the secret, and the cache is in a shared directory.
  const jiti = createJiti(join(directory, 'sessions.config.js'), {
    fsCache: false,
    interopDefault: false,
  });
  const url = jiti.esmResolve(specifier, { try: true });
  if (url === undefined) {
    throw new ImproperlyConfigured(`${what} cannot be found from ${directory}${remedy}.`);
  }
  try {
    return exportsOf(await jiti.import(url));
  } catch (error) {
    if (isImproperlyConfigured(error)) throw error;
    const [reason] = String((error as Error | undefined)?.message ?? error).split('\n');
    throw new ImproperlyConfigured(`${what} cannot be loaded: ${reason}`, { cause: error });
  }
}

function exportsOf(module: unknown): UserModule {
  const exports = module as UserModule;
  const isEsModule = types.isModuleNamespaceObject(module) || exports?.__esModule === true;
  return isEsModule ? exports : { ...exports, default: module };
}

// The user's module may have brought its own copy of core.
function isImproperlyConfigured(error: unknown): boolean {
  return error instanceof Error && error.name === 'ImproperlyConfigured';
}
