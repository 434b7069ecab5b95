import { createSessions, type SessionBackend, type SessionRecord } from '@coatcheck/core';
import { expect } from '@jest/globals';

/** What Django did with one kind of database under one time zone mode; the README of the fixtures explains it. */
export interface DjangoVariant {
  use_tz: boolean;
  time_zone: string;
  connection_timezone?: string;
  sqlmigrate: string;
  schema?: string[];
  columns?: unknown[][];
  indexes?: string[];
  rows: DjangoCase[];
  sql: Record<string, { queries: string[]; error: string | null }>;
}

/** A row as Django stored it. */
export interface DjangoRow {
  session_key: string;
  session_data: string;
  expire_date_type: string;
  expire_date_text: string;
}

interface DjangoCase {
  label: string;
  now: number;
  data: Record<string, unknown>;
  expire_date: string;
  row: DjangoRow;
}

/** A file `db-*.json`. */
export interface DjangoDatabase {
  variants: Record<string, DjangoVariant>;
}

/** The variants of a fixture, and the instants of their rows, which are the same in every one. */
export function djangoVariants({ variants }: DjangoDatabase) {
  // This one writes them with their offset.
  const instants = (variants.utc as DjangoVariant).rows.map((row) => new Date(row.expire_date));
  const rows = (variant: DjangoVariant) =>
    variant.rows.map((row, i) => ({ ...row, expiresAt: instants[i] as Date }));
  return { variants: Object.entries(variants), rows };
}

/** An empty table, its backend, and the clock of both. */
export interface DjangoPlace {
  readonly backend: SessionBackend;
  now: Date;
  keys(): unknown[] | Promise<unknown[]>;
}

const data = 'eyJhIjoxfQ:1r31eq:5MgoLqkmKp1FHiOgGBtarGDXgrxa9VJfaeKTRkgkOCk';
const key = 'a'.repeat(32);
const newKey = 'bcdefghijklmnopqrstuvwxyz0123456';
const session: SessionRecord = { key, data, expiresAt: new Date(1701209600_000), attributes: {} };

/** When Django did all this. */
export const djangoNow = new Date(1700000000_000);

/** What each operation of the fixtures ends in here; each starts in an empty table. */
export const djangoOutcomes: Record<string, (place: DjangoPlace) => Promise<void>> = {
  'save mustCreate': async ({ backend, keys }) => {
    await backend.create(session);
    expect(await keys()).toEqual([key]);
  },
  'save mustCreate, key taken': async ({ backend }) => {
    await backend.create(session);
    await backend.create({ ...session, data: 'other' });
  },
  save: async ({ backend, now }) => {
    await backend.create({ ...session, data: 'old', expiresAt: new Date(now.getTime() + 1000) });
    await backend.update(session, 'old');
    expect(await backend.load(key)).toEqual({ data, base: data, expiresAt: session.expiresAt });
  },
  exists: async ({ backend }) => {
    expect(await backend.load(key)).toBeUndefined();
    await backend.create(session);
    expect(await backend.load(key)).toBeDefined();
  },
  load: async ({ backend }) => {
    await backend.create(session);
    expect(await backend.load(key)).toEqual({ data, base: data, expiresAt: session.expiresAt });
  },
  delete: async ({ backend, keys }) => {
    await backend.create(session);
    expect(await backend.delete(key)).toBe(true);
    expect(await keys()).toEqual([]);
  },
  'delete, no row': async ({ backend }) => {
    expect(await backend.delete(key)).toBe(false);
  },
  'save, row gone (UpdateError)': async ({ backend }) => {
    await backend.update(session, data);
  },
  create: async ({ backend, keys }) => {
    await backend.create({ ...session, key: newKey });
    expect(await keys()).toEqual([newKey]);
  },
  clearExpired: async ({ backend, keys }) => {
    await backend.create(session);
    expect(await backend.clearExpired()).toBe(0);
    expect(await keys()).toEqual([key]);
  },
  'clearExpired, one row': async ({ backend, now, keys }) => {
    await backend.create({ ...session, expiresAt: new Date(now.getTime() - 1) });
    await backend.create({ ...session, key: newKey });
    expect(await backend.clearExpired()).toBe(1);
    expect(await keys()).toEqual([newKey]);
  },
  'load expired or missing': async (place) => {
    expect(await place.backend.load(key)).toBeUndefined();
    await place.backend.create(session);
    place.now = session.expiresAt;
    expect(await place.backend.load(key)).toBeUndefined();
  },
  flush: async ({ backend, keys }) => {
    await backend.create({ ...session, key: newKey });
    await backend.delete(newKey);
    expect(await keys()).toEqual([]);
  },
  cycleKey: async ({ backend, keys }) => {
    await backend.create(session);
    await backend.create({ ...session, key: newKey });
    await backend.delete(key, data);
    expect(await keys()).toEqual([newKey]);
  },
};

/** Runs the operation of that name, which must end in the error that Django met. */
export async function endsAsInDjango(
  name: string,
  error: string | null,
  place: DjangoPlace,
): Promise<void> {
  const outcome = djangoOutcomes[name];
  if (!outcome) throw new Error('There is no test for this operation.');
  if (error === null) await outcome(place);
  else await expect(outcome(place)).rejects.toMatchObject({ name: error });
}

/**
 * Asserts that a session reads from the row what Django put there, at the same instant, and that for the same entries
 * it writes the same row under a key of its own.
 */
export async function isSameSession(
  { now, data, row, expiresAt }: DjangoCase & { expiresAt: Date },
  {
    backend,
    use_tz,
    time_zone,
  }: Pick<DjangoVariant, 'use_tz' | 'time_zone'> & { backend: SessionBackend },
): Promise<void> {
  const sessions = createSessions<Record<string, unknown>>({
    backend,
    secretKey: 'fixture-secret-key-0123456789-abcdefghijklmnopqrstuvwxyz',
    // It says of itself that it is a fixture, which is refused elsewhere.
    allowWeakSecret: true,
    timeZone: use_tz ? undefined : time_zone,
    now: () => new Date(now * 1000),
    operationTimeoutMs: 30_000,
  });
  const session = sessions.open(row.session_key);
  await session.load();
  // A departure on purpose: a key that Django would never make is none.
  const isKey = row.session_key.length === 32;
  expect(Object.fromEntries(session.entries())).toEqual(isKey ? data : {});
  if (isKey) expect(session.getExpiryDate()).toEqual(expiresAt);
  const copy = sessions.open();
  copy.update(data);
  await copy.create();
  const written = await backend.load(String(copy.sessionKey));
  expect(written?.expiresAt).toEqual(expiresAt);
  // Django compresses what gets shorter; we begin at 1 KB.
  if (!row.session_data.startsWith('.')) expect(written?.data).toBe(row.session_data);
}
