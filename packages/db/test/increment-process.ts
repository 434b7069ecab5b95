import type { UpdateError } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';

// Counts up in one record of a file, as a process of its own: path, key, number of increments.
const [path = '', key = '', increments = ''] = process.argv.slice(2);
const backend = sqliteBackend({ path, busyTimeoutMs: 30_000 });

for (let i = 0; i < Number(increments); i++) {
  let found = backend.load(key);
  for (;;) {
    if (!found || found instanceof Promise) throw new Error('The record is gone.');
    const data = String(Number(found.data) + 1);
    const record = { key, data, expiresAt: new Date(Date.now() + 3_600_000), attributes: {} };
    try {
      await backend.update(record, found.base);
      break;
    } catch (error) {
      const { reason, current } = error as UpdateError;
      if (reason !== 'changed') throw error;
      found = current;
    }
  }
}
await backend.close();
