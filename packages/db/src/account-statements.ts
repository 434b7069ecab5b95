import { indexName, quoting, type SessionTable } from './session-table.ts';

/** The statements of the table that says whose sessions are whose; the comments list the values. */
export interface AccountStatements {
  readonly table: string;
  /** Makes the table where it is missing. */
  readonly definition: readonly string[];
  /** key, account, created, seen, address, user agent */
  readonly note: string;
  /** now, account */
  readonly noted: string;
  /** key, account, unseen since */
  readonly forget: string;
  /** unseen since, key that goes before, number of rows: the last key, how many, and how many of them are orphaned */
  readonly page: string;
  /** key that goes before, last key, unseen since */
  readonly clear: string;
}

/** How one kind of database says what the statements need. */
export interface AccountDialect {
  readonly quote: '"' | '`';
  readonly longestName: number;
  readonly expiryType: string;
  /** The types of keys and accounts: compared byte for byte, and joined with Django's keys. */
  readonly keyType: string;
  readonly accountType: string;
  /** Indexes are a part of the table's definition. */
  readonly indexesInside: boolean;
  expiryText(column: string): string;
  /** That two columns hold the same key, byte for byte, found through the index of the first. */
  sameKey(indexed: string, other: string): string;
  /** That the account is this value, byte for byte, found through its index. */
  accountIs(column: string, value: string): string;
  /** What follows an INSERT so that it changes the row with this key: `given(column)` is the value that was given. */
  onConflict(key: string, set: (given: (column: string) => string) => string): string;
}

/** What PostgreSQL and SQLite say alike: both compare texts byte for byte. */
export const bytewiseAccounts: Pick<
  AccountDialect,
  'keyType' | 'accountType' | 'indexesInside' | 'sameKey' | 'accountIs' | 'onConflict'
> = {
  keyType: 'varchar(64)',
  accountType: 'varchar(n)',
  indexesInside: false,
  sameKey: (indexed, other) => `${indexed} = ${other}`,
  accountIs: (column, value) => `${column} = ${value}`,
  onConflict: (key, set) =>
    `ON CONFLICT (${key}) DO UPDATE SET ${set((column) => `excluded.${column}`)}`,
};

const longestAccount = 255;
const longestAddress = 45;
const longestUserAgent = 200;

/** The statements of the table beside a session table: Django's own stays as it is. */
export function accountStatements(table: SessionTable, dialect: AccountDialect): AccountStatements {
  const name = quoting(dialect.quote);
  const plain = `${table.name}_account`;
  const [accounts, sessions] = [name(plain), name(table.name)];
  const [key, account, created, seen, address, agent] = [
    name('session_key'),
    name('account'),
    name('created_at'),
    name('seen_at'),
    name('address'),
    name('user_agent'),
  ];
  const index = name(indexName(plain, 'account', dialect.longestName));
  const columns = [
    `${key} ${dialect.keyType} NOT NULL PRIMARY KEY`,
    `${account} ${dialect.accountType.replace('n', String(longestAccount))} NOT NULL`,
    `${created} ${dialect.expiryType} NOT NULL`,
    `${seen} ${dialect.expiryType} NOT NULL`,
    `${address} varchar(${longestAddress}) NULL`,
    `${agent} ${dialect.accountType.replace('n', String(longestUserAgent))} NULL`,
    ...(dialect.indexesInside ? [`KEY ${index} (${account})`] : []),
  ];
  const definition = [`CREATE TABLE IF NOT EXISTS ${accounts} (${columns.join(', ')})`];
  if (!dialect.indexesInside) {
    definition.push(`CREATE INDEX IF NOT EXISTS ${index} ON ${accounts} (${account})`);
  }
  const change = dialect.onConflict(key, (given) => {
    const renewed = (column: string, value: string): string =>
      `${column} = CASE WHEN ${accounts}.${account} = ${given(account)} THEN ${value} ELSE ${given(column)} END`;
    // The account last: before that, it still is the one that was stored.
    return [
      renewed(created, `${accounts}.${created}`),
      `${seen} = ${given(seen)}`,
      ...[address, agent].map((column) =>
        renewed(column, `COALESCE(${given(column)}, ${accounts}.${column})`),
      ),
      `${account} = ${given(account)}`,
    ].join(', ');
  });
  const inserted = [key, account, created, seen, address, agent].join(', ');
  const ofNote = (column: string): string => `a.${column}`;
  const ofSession = (column: string): string => `s.${column}`;
  const [data, expiry] = [name('session_data'), name('expire_date')];
  const selected = [
    ...[key, address, agent].map(ofNote),
    `${dialect.expiryText(ofNote(created))} AS ${created}`,
    `${dialect.expiryText(ofNote(seen))} AS ${seen}`,
    ofSession(data),
    `${dialect.expiryText(ofSession(expiry))} AS ${expiry}`,
  ];
  const orphaned = `NOT EXISTS (SELECT 1 FROM ${sessions} s WHERE ${dialect.sameKey(ofSession(key), `${accounts}.${key}`)}) AND ${seen} <`;
  return {
    table: plain,
    definition,
    note: `INSERT INTO ${accounts} (${inserted}) VALUES ($1, $2, $3, $4, $5, $6) ${change}`,
    noted: `SELECT ${selected.join(', ')} FROM ${accounts} a LEFT JOIN ${sessions} s ON ${dialect.sameKey(ofSession(key), ofNote(key))} AND ${ofSession(expiry)} > $1 WHERE ${dialect.accountIs(ofNote(account), '$2')}`,
    forget: `DELETE FROM ${accounts} WHERE ${key} = $1 AND ${dialect.accountIs(account, '$2')} AND ${seen} < $3`,
    page: `SELECT MAX(${key}) AS last_key, COUNT(*) AS notes, SUM(orphaned) AS orphans FROM (SELECT ${key}, CASE WHEN ${orphaned} $1 THEN 1 ELSE 0 END AS orphaned FROM ${accounts} WHERE ${key} > $2 ORDER BY ${key} LIMIT $3) page`,
    clear: `DELETE FROM ${accounts} WHERE ${key} > $1 AND ${key} <= $2 AND ${orphaned} $3`,
  };
}
