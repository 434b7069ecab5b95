import { SessionError, type SessionStore } from '@coatcheck/core';
import {
  differences,
  isGroup,
  isJson,
  isSame,
  kindOf,
  mergedGroups,
  type Plain,
  putAt,
  valueAt,
} from './preference-groups.ts';
import { reservedEntries } from './reserved-entries.ts';

/** A value that a preference can have. */
export type PreferenceValue =
  | string
  | number
  | boolean
  | null
  | readonly PreferenceValue[]
  | PreferenceGroup;

/** Preferences by name; a group holds others. */
export interface PreferenceGroup {
  readonly [name: string]: PreferenceValue;
}

/** The dotted path of every preference: `theme`, `list.itemsPerPage`. */
export type PreferencePath<Group> = {
  [Name in keyof Group & string]: Group[Name] extends readonly unknown[]
    ? Name
    : Group[Name] extends PreferenceGroup
      ? Name | `${Name}.${PreferencePath<Group[Name]>}`
      : Name;
}[keyof Group & string];

/** What is under a path. */
export type PreferenceAt<Group, Path extends string> = Path extends keyof Group
  ? AnyBoolean<Group[Path]>
  : Path extends `${infer Name}.${infer Rest}`
    ? Name extends keyof Group
      ? PreferenceAt<Group[Name], Rest>
      : never
    : never;

/** The default `true` stands for `false` as well. */
type AnyBoolean<Value> = Value extends boolean ? boolean : Value;

/** How preferences are declared. */
export interface PreferencesOptions<Group> {
  /** The entry of the session that holds what differs from the defaults. @default 'preferences' */
  readonly entry?: string | undefined;
  /**
   * The values that are allowed, by path; for a preference that is a list, those that may stand in it. Others need only
   * the type of their default.
   */
  readonly choices?: { readonly [Path in PreferencePath<Group>]?: readonly unknown[] } | undefined;
}

/** A path or a value that is no preference; nothing was changed. */
export class PreferenceError extends SessionError {
  override readonly name = 'PreferenceError';
  /** The HTTP status with which Koa answers it. */
  readonly status = 400;
  /** Koa shows the message to the visitor. */
  readonly expose = true;
}

/** What visitors prefer, over defaults; the session keeps only what differs from them. */
export class Preferences<Group extends object> {
  /** The entry of the session. */
  readonly entry: string;
  readonly #defaults: Group;
  readonly #choices: Readonly<Record<string, readonly unknown[] | undefined>>;

  /** Made by {@link definePreferences}. */
  constructor(defaults: Group, { entry = 'preferences', choices }: PreferencesOptions<Group> = {}) {
    checkDefaults(defaults, []);
    this.entry = entry;
    this.#defaults = structuredClone(defaults);
    this.#choices = { ...choices };
    for (const path of Object.keys(this.#choices)) this.#checkChoices(path);
  }

  /** All of them: the visitor's over the defaults, at every depth. What no longer fits counts as not there. */
  all<Data extends object>(session: SessionStore<Data>): Group {
    return this.#merged(this.#defaults, this.#stored(session), []) as Group;
  }

  /** The one under a path, such as `list.itemsPerPage`. @throws {PreferenceError} when there is none */
  get<Path extends PreferencePath<Group>, Data extends object>(
    session: SessionStore<Data>,
    path: Path,
  ): PreferenceAt<Group, Path> {
    this.#find(path);
    const found = path
      .split('.')
      .reduce<unknown>((value, name) => (value as Plain)[name], this.all(session));
    return found as PreferenceAt<Group, Path>; // checked when it was read
  }

  /**
   * Changes one, or the members of a group that are given; what other requests change meanwhile stays.
   *
   * @throws {PreferenceError} when there is no such preference, or it cannot have the value
   */
  set<Path extends PreferencePath<Group>, Data extends object>(
    session: SessionStore<Data>,
    path: Path,
    value: DeepPartial<PreferenceAt<Group, Path>>,
  ): void {
    const otherwise = this.#find(path);
    const names = path.split('.');
    const problem = this.#problem(otherwise, value, names);
    if (problem) throw new PreferenceError(problem);
    this.#change(session, (stored) => {
      const before = valueAt(stored, names);
      const after =
        isGroup(otherwise) && isGroup(before) ? mergedGroups(before, value as Plain) : value;
      putAt(stored, names, structuredClone(after));
    });
  }

  /** Back to the default: one, a group, or all of them. @throws {PreferenceError} when there is no such preference */
  reset<Data extends object>(session: SessionStore<Data>, path?: PreferencePath<Group>): void {
    if (path === undefined) {
      reservedEntries(session).delete(this.entry);
      return;
    }
    this.#find(path);
    this.#change(session, (stored) => putAt(stored, path.split('.'), undefined));
  }

  #stored<Data extends object>(session: SessionStore<Data>): unknown {
    return reservedEntries(session).get(this.entry);
  }

  #change<Data extends object>(session: SessionStore<Data>, change: (stored: Plain) => void): void {
    reservedEntries(session).change(this.entry, (before) => {
      const stored: Plain = isGroup(before) ? before : {};
      change(stored);
      return differences(this.#defaults as Plain, stored);
    });
  }

  /** The default under a path. */
  #find(path: string): unknown {
    let found: unknown = this.#defaults;
    for (const name of path.split('.')) {
      if (!isGroup(found) || !Object.hasOwn(found, name)) {
        throw new PreferenceError(`There is no preference ${JSON.stringify(path.slice(0, 80))}.`);
      }
      found = found[name];
    }
    return found;
  }

  /** @throws {TypeError} where the choices under a path cannot be meant, {@link #find}'s where there is no such path */
  #checkChoices(path: string): void {
    const otherwise = this.#find(path);
    if (isGroup(otherwise)) {
      throw new TypeError(`"${path}" is a group; its members can have choices.`);
    }
    const problem = this.#problem(otherwise, otherwise, path.split('.'));
    if (problem) throw new TypeError(`${problem} Its default is not.`);
  }

  /** What is wrong with a value; undefined: nothing. */
  #problem(otherwise: unknown, value: unknown, names: readonly string[]): string | undefined {
    const path = names.join('.');
    const choices = this.#choices[path];
    const isAllowed = (one: unknown): boolean =>
      choices?.some((choice) => isSame(choice, one)) ?? true;
    const list = choices?.map((choice) => JSON.stringify(choice)).join(', ');
    if (!Array.isArray(otherwise) && !isAllowed(value)) {
      return `The preference "${path}" is one of ${list}.`;
    }
    if (!isGroup(otherwise)) {
      if (otherwise !== null && kindOf(value) !== kindOf(otherwise)) {
        return `The preference "${path}" takes ${kindOf(otherwise)}.`;
      }
      return Array.isArray(value) && Array.isArray(otherwise) && !value.every(isAllowed)
        ? `The preference "${path}" is a list of ${list}.`
        : undefined;
    }
    if (!isGroup(value)) return `The preference "${path}" takes an object.`;
    for (const [name, inner] of Object.entries(value)) {
      const where = [...names, name];
      if (!Object.hasOwn(otherwise, name)) {
        return `There is no preference ${JSON.stringify(where.join('.').slice(0, 80))}.`;
      }
      const problem = this.#problem(otherwise[name], inner, where);
      if (problem) return problem;
    }
    return undefined;
  }

  #merged(otherwise: unknown, stored: unknown, names: readonly string[]): unknown {
    if (!isGroup(otherwise)) {
      const fits = stored !== undefined && !this.#problem(otherwise, stored, names);
      return structuredClone(fits ? stored : otherwise);
    }
    const inner = isGroup(stored) ? stored : {};
    return Object.fromEntries(
      Object.entries(otherwise).map(([name, value]) => {
        const own = Object.hasOwn(inner, name) ? inner[name] : undefined;
        return [name, this.#merged(value, own, [...names, name])];
      }),
    );
  }
}

/** A value, or for a group some of its members. */
type DeepPartial<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends PreferenceGroup
    ? { readonly [Name in keyof Value]?: DeepPartial<Value[Name]> }
    : AnyBoolean<Value>;

/**
 * Declares preferences by their defaults, once: `definePreferences({ theme: 'light', list: { itemsPerPage: 20 } })`.
 *
 * @throws {TypeError} when a name has a dot in it, a default is nothing that JSON has or not among its `choices`, or
 *   `choices` are given for a group
 * @throws {PreferenceError} when `choices` names a preference that does not exist
 */
export function definePreferences<Group extends PreferenceGroup>(
  defaults: Group,
  options?: PreferencesOptions<Group>,
): Preferences<Group> {
  return new Preferences(defaults, options);
}

function checkDefaults(value: unknown, names: readonly string[]): void {
  if (isGroup(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (name === '' || name.includes('.')) {
        throw new TypeError(`The name of a preference has no dot and is not empty: "${name}".`);
      }
      checkDefaults(inner, [...names, name]);
    }
    return;
  }
  if (isJson(value)) return;
  throw new TypeError(`The default of "${names.join('.')}" is nothing that JSON has.`);
}
