import { createBackend, type DatabaseOptions } from '@coatcheck/db';

/** Makes the table. */
export async function migrate(settings: DatabaseOptions): Promise<void> {
  const backend = createBackend(settings);
  try {
    await backend.migrate();
  } finally {
    await backend.close();
  }
}

/** The instant as `expire_date` holds it. */
export function databaseDate(date: Date): string {
  return date.toISOString().replace('T', ' ').replace('Z', '000');
}
