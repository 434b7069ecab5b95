import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ImproperlyConfigured } from '@coatcheck/core';

/**
 * The module of a driver, found beside this package or in the working directory.
 *
 * @param purpose what needs it, for the message.
 * @throws {ImproperlyConfigured} when it is not installed.
 */
export function requireDriver(name: string, purpose: string): unknown {
  const places = [import.meta.url, pathToFileURL(path.resolve('package.json'))];
  for (const place of places) {
    try {
      return createRequire(place)(name);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new ImproperlyConfigured(
    `The driver for ${purpose} in db.url is not installed: npm install ${name}.`,
  );
}

/**
 * Checks the form of `db.url`, of which no message quotes more than the scheme: it may hold a password.
 *
 * @throws {ImproperlyConfigured} when it is not a URL of one of these schemes.
 */
export function checkUrl(url: unknown, schemes: readonly string[], example: string): URL {
  const text = String(url);
  if (!URL.canParse(text)) {
    throw new ImproperlyConfigured(`db.url is not a URL: write it as in ${example}.`);
  }
  const parsed = new URL(text);
  if (!schemes.includes(parsed.protocol)) {
    throw new ImproperlyConfigured(
      `db.url has the unknown scheme ${parsed.protocol} write it as in ${example}.`,
    );
  }
  return parsed;
}
