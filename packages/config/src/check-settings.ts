import { ImproperlyConfigured } from '@coatcheck/core';
import { nearest } from './nearest.ts';
import {
  isSection,
  knownSettings,
  type SessionsConfig,
  type SettingKind,
  type SettingTable,
} from './settings.ts';

/**
 * Refuses what is no setting, so that a misspelt name does not go unnoticed, and values of the wrong type. What else a
 * value must be, `createSessions` and the engine check.
 *
 * @throws {ImproperlyConfigured} with the name that was probably meant, or the type
 */
export function checkSettings(config: unknown, source: string): asserts config is SessionsConfig {
  checkSection(config, knownSettings, [], source);
}

function checkSection(
  values: unknown,
  table: SettingTable,
  path: readonly string[],
  source: string,
): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    const what = path.length === 0 ? 'The configuration' : `The setting "${path.join('.')}"`;
    throw new ImproperlyConfigured(`${what} (${source}) must be an object of settings.`);
  }
  for (const [name, value] of Object.entries(values)) {
    const inner = [...path, name];
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (known === undefined) {
      const meant = nearest(name, Object.keys(table));
      const hint = meant ? `; did you mean "${[...path, meant].join('.')}"?` : '.';
      throw new ImproperlyConfigured(`There is no setting "${inner.join('.')}" (${source})${hint}`);
    }
    if (value === undefined) continue;
    if (isSection(known)) checkSection(value, known, inner, source);
    else if (!isOfKind(value, known)) {
      throw new ImproperlyConfigured(
        `The setting "${inner.join('.')}" (${source}) must be ${describeKind(known)}.`,
      );
    }
  }
}

function isOfKind(value: unknown, kind: SettingKind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'texts':
      return Array.isArray(value) && value.every((element) => typeof element === 'string');
    case 'number':
    case 'boolean':
      return typeof value === kind;
    case 'code':
      return true;
    default:
      return kind.includes(String(value));
  }
}

/** What a setting of the kind must be, for messages. */
export function describeKind(kind: SettingKind): string {
  switch (kind) {
    case 'text':
      return 'a text';
    case 'texts':
      return 'a list of texts';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    case 'code':
      return 'code';
    default: {
      const choices = kind.map((choice) => (choice === 'false' ? choice : `"${choice}"`));
      const last = choices.pop();
      return choices.length === 0 ? `${last}` : `${choices.join(', ')} or ${last}`;
    }
  }
}
