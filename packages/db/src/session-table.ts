import { createHash } from 'node:crypto';
import { ImproperlyConfigured, type SessionAttributes } from '@coatcheck/core';

/** Django's table. */
export const djangoTable = 'django_session';

/** The types that an extra column may have; every database knows them. */
export type ColumnType = 'integer' | 'bigint' | 'text' | `varchar(${number})`;

/** The table that holds the sessions. Django: a model of one's own, made from `AbstractBaseSession`. */
export interface TableOptions {
  /** @default 'django_session' */
  readonly table?: string | undefined;
  /**
   * Columns beside Django's three, each nullable, for the attributes that `createSessions({ attributes })` computes
   * from a session. `index`: an index on it.
   */
  readonly columns?: Readonly<Record<string, ColumnType | ColumnOptions>> | undefined;
  /** Whether keys are SHA-256 digests: the key column then holds 64 characters. @default false */
  readonly hashKeys?: boolean | undefined;
}

/** An extra column with more to say than its type. */
export interface ColumnOptions {
  readonly type: ColumnType;
  readonly index?: boolean | undefined;
}

/** The table, with names that are fit to stand in a statement. */
export interface SessionTable {
  readonly name: string;
  readonly keyWidth: number;
  readonly columns: readonly SessionColumn[];
}

/** An extra column. */
export interface SessionColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly index: boolean;
}

/** How one kind of database writes the definition of a table. */
export interface TableDialect {
  readonly quote: '"' | '`';
  readonly dataType: string;
  readonly expiryType: string;
  /** The longest name of an index. */
  readonly longestName: number;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const ownColumns = ['session_key', 'session_data', 'expire_date'];

/** @throws {ImproperlyConfigured} when a name is not a plain identifier, or a type is unknown. */
export function sessionTable({
  table = djangoTable,
  columns,
  hashKeys,
}: TableOptions): SessionTable {
  if (typeof table !== 'string' || !identifier.test(table)) {
    throw new ImproperlyConfigured(
      `db.table is not a plain table name: use letters, digits and underscores, such as ${djangoTable}.`,
    );
  }
  return { name: table, keyWidth: hashKeys ? 64 : 40, columns: extraColumns(columns ?? {}) };
}

/**
 * Checks that the database's own table suits.
 *
 * @param found its columns by name, each with its declared type; empty when there is no such table.
 * @returns whether there is such a table.
 * @throws {ImproperlyConfigured} when its keys are too narrow, or it lacks an extra column.
 */
export function checkTable(table: SessionTable, found: ReadonlyMap<string, string>): boolean {
  if (found.size === 0) return false;
  const [, width] = /\((\d+)\)/.exec(found.get('session_key') ?? '') ?? [];
  if (width !== undefined && Number(width) < table.keyWidth) {
    throw new ImproperlyConfigured(
      `hashKeys needs a session_key column of ${table.keyWidth} characters, and that of ${table.name} has ${width}: let db.table name a new table, or leave hashKeys off.`,
    );
  }
  const names = new Set([...found.keys()].map((name) => name.toLowerCase()));
  const missing = table.columns.find(({ name }) => !names.has(name.toLowerCase()));
  if (missing) {
    throw new ImproperlyConfigured(
      `The table ${table.name} has no column ${missing.name}, which db.columns names: add it to the table, or let db.table name a new one.`,
    );
  }
  return true;
}

/**
 * The values of the extra columns.
 *
 * @throws {ImproperlyConfigured} when an attribute has no column.
 */
export function columnValues(
  columns: readonly SessionColumn[],
  attributes: SessionAttributes,
): (string | number | null)[] {
  for (const name of Object.keys(attributes)) {
    if (!columns.some((column) => column.name === name)) {
      throw new ImproperlyConfigured(
        `The attribute ${name} has no column: give it one in db.columns, or leave it out of attributes.`,
      );
    }
  }
  return columns.map(
    ({ name }) => (Object.hasOwn(attributes, name) ? attributes[name] : null) ?? null,
  );
}

/** `CREATE TABLE`, as Django writes it. */
export function tableDefinition(table: SessionTable, dialect: TableDialect): string {
  const name = quoting(dialect.quote);
  const columns = [
    `${name('session_key')} varchar(${table.keyWidth}) NOT NULL PRIMARY KEY`,
    `${name('session_data')} ${dialect.dataType} NOT NULL`,
    `${name('expire_date')} ${dialect.expiryType} NOT NULL`,
    ...table.columns.map((column) => `${name(column.name)} ${column.type} NULL`),
  ];
  return `CREATE TABLE ${name(table.name)} (${columns.join(', ')})`;
}

/** The indexed columns, each with the name Django gives its index. */
export function tableIndexes(
  table: SessionTable,
  { longestName }: TableDialect,
): { readonly name: string; readonly column: string }[] {
  const indexed = table.columns.filter(({ index }) => index).map(({ name }) => name);
  return ['expire_date', ...indexed].map((column) => ({
    name: indexName(table.name, column, longestName),
    column,
  }));
}

/** Django: `BaseDatabaseSchemaEditor._create_index_name` */
export function indexName(table: string, column: string, longest: number, suffix = ''): string {
  const digest = createHash('md5').update(`${table}${column}`).digest('hex').slice(0, 8);
  const end = `${digest}${suffix}`;
  const name = `${table}_${column}_${end}`;
  if (name.length <= longest) return name;
  const half = Math.floor((longest - end.length) / 2) - 1;
  const shortened = `${table.slice(0, half)}_${column.slice(0, half)}_${end}`;
  return shortened.startsWith('_') ? `D${shortened.slice(0, -1)}` : shortened;
}

/** What makes an identifier of a checked name. */
export function quoting(quote: '"' | '`'): (name: string) => string {
  return (name) => `${quote}${name}${quote}`;
}

/** What SQLite calls the place of a row. */
const rowIds = new Set(['rowid', 'oid', '_rowid_']);

function extraColumns(columns: NonNullable<TableOptions['columns']>): SessionColumn[] {
  const taken = new Set(ownColumns);
  return Object.entries(columns).map(([name, options]) => {
    const { type, index = false } = typeof options === 'object' ? options : { type: options };
    if (!identifier.test(name)) {
      throw new ImproperlyConfigured(
        'db.columns has a name that is not a plain column name: use letters, digits and underscores, such as account_id.',
      );
    }
    if (taken.has(name.toLowerCase()) || rowIds.has(name.toLowerCase())) {
      throw new ImproperlyConfigured(`db.columns cannot have another ${name}: name it otherwise.`);
    }
    taken.add(name.toLowerCase());
    if (!/^(integer|bigint|text|varchar\([1-9]\d{0,3}\))$/.test(type)) {
      throw new ImproperlyConfigured(
        `The type of ${name} in db.columns must be integer, bigint, text or varchar(n), such as varchar(40).`,
      );
    }
    if (index && type === 'text') {
      throw new ImproperlyConfigured(
        `${name} in db.columns cannot have an index as a text: make it varchar(n), such as varchar(40).`,
      );
    }
    return { name, type, index };
  });
}
