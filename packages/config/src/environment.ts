import { ImproperlyConfigured } from '@coatcheck/core';
import { describeKind } from './check-settings.ts';
import {
  isSection,
  knownSettings,
  type SessionsConfig,
  type SettingKind,
  type SettingTable,
} from './settings.ts';

/** Variables by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};

/**
 * Overlays the configuration with the environment: the setting `cookie.sameSite` with the variable
 * `SESSION_COOKIE_SAME_SITE`, or `SESSION_COOKIE_SAMESITE` as Django writes it. An empty variable counts as not set.
 *
 * @throws {ImproperlyConfigured} when the text of a variable cannot be what its setting is
 */
export function overlayEnvironment(
  config: SessionsConfig,
  environment: Environment,
): SessionsConfig {
  return overlay(config, knownSettings, [], environment);
}

function overlay(
  values: object,
  table: SettingTable,
  path: readonly string[],
  environment: Environment,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...values };
  for (const [name, known] of Object.entries(table)) {
    const inner = [...path, name];
    if (isSection(known)) {
      const section = overlay(
        (result[name] as object | undefined) ?? {},
        known,
        inner,
        environment,
      );
      if (Object.keys(section).length > 0) result[name] = section;
    } else if (known !== 'code') {
      const variable = variableNames(inner).find((candidate) => environment[candidate]);
      if (variable) result[name] = read(variable, environment[variable] as string, known);
    }
  }
  return result;
}

/** The variables of a setting, the first of which counts: `HTTP_ONLY`, then Django's `HTTPONLY`. */
export function variableNames(path: readonly string[]): string[] {
  const words = path.map((name) => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()).join('_');
  if (words.startsWith('SECRET_KEY')) return [words];
  return [`SESSION_${words}`, `SESSION_${path.join('_').toUpperCase()}`];
}

function read(variable: string, text: string, kind: SettingKind): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'texts':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'number':
      if (/^-?\d+(\.\d+)?$/.test(text.trim())) return Number(text);
      break;
    case 'boolean': {
      const value = booleans[text.trim().toLowerCase()];
      if (value !== undefined) return value;
      break;
    }
    case 'code':
      break;
    default: {
      const value = kind.find((choice) => choice.toLowerCase() === text.trim().toLowerCase());
      if (value !== undefined) return value === 'false' ? false : value;
    }
  }
  // The text itself stays out of the message: a secret may have ended up in the wrong variable.
  throw new ImproperlyConfigured(
    `The environment variable ${variable} must be ${describeKind(kind)}; correct it or leave it out.`,
  );
}
