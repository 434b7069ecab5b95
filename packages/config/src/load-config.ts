import { dirname, resolve } from 'node:path';
import {
  createSessions,
  ImproperlyConfigured,
  type MigratingFromOptions,
  type SessionData,
  type Sessions,
} from '@coatcheck/core';
import { checkSettings } from './check-settings.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { createBackend, openFormer } from './engines.ts';
import { type Environment, overlayEnvironment } from './environment.ts';
import type { SessionsConfig } from './settings.ts';

/** Where to look for settings. */
export interface LoadOptions {
  /** Where the search for a configuration file begins, and relative paths too. @default process.cwd() */
  readonly cwd?: string | undefined;
  /** The configuration file to read, instead of the nearest `sessions.config.*`. */
  readonly file?: string | undefined;
  /** @default process.env */
  readonly env?: Environment | undefined;
}

/** Settings, and where they come from. */
export interface LoadedConfig {
  readonly settings: SessionsConfig;
  /** The configuration file, if there is one. */
  readonly file: string | undefined;
  /** Where relative paths, engines and drivers are looked up: the file's directory, else the working directory. */
  readonly directory: string;
}

/**
 * Reads the nearest `sessions.config.{ts,js,mjs,json}` from the working directory upwards, and overlays it with the
 * environment. Opens nothing.
 *
 * @throws {ImproperlyConfigured} when a file cannot be read, or a setting is unknown or of the wrong type
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const cwd = resolve(options.cwd ?? '.');
  const file = options.file === undefined ? findConfigFile(cwd) : resolve(cwd, options.file);
  const fromFile: unknown = file === undefined ? {} : await readConfigFile(file);
  checkSettings(fromFile, file ?? 'no file');
  return {
    settings: overlayEnvironment(fromFile, options.env ?? process.env),
    file,
    directory: file === undefined ? cwd : dirname(file),
  };
}

/**
 * Opens the sessions that are configured: by the nearest configuration file and the environment, or, when an object
 * is given, by that object alone.
 *
 * @throws {ImproperlyConfigured} in one sentence that names the setting and the remedy
 */
export async function loadSessions<Data extends object = SessionData>(
  config?: SessionsConfig,
  options: LoadOptions = {},
): Promise<Sessions<Data>> {
  if (config === undefined) {
    const { settings, directory } = await loadConfig(options);
    return openSessions(settings, directory);
  }
  checkSettings(config, 'loadSessions');
  return openSessions(config, resolve(options.cwd ?? '.'));
}

async function openSessions<Data extends object>(
  config: SessionsConfig,
  directory: string,
): Promise<Sessions<Data>> {
  const {
    engine,
    engineOptions,
    db,
    cache,
    djangoCache,
    file,
    signedCookies,
    secretKey,
    migratingFrom,
    ...options
  } = config;
  if (!secretKey) {
    throw new ImproperlyConfigured(
      'The setting secretKey is missing: set SECRET_KEY in the environment to at least 32 random characters.',
    );
  }
  const backend = await createBackend(config, directory);
  let former: MigratingFromOptions | undefined;
  try {
    former = await openFormer(config, directory);
    return createSessions<Data>({ ...options, secretKey, backend, migratingFrom: former });
  } catch (error) {
    await former?.backend.close();
    await backend.close();
    throw error;
  }
}
