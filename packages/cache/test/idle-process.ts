import { once } from 'node:events';
import { redisBackend } from '@coatcheck/cache';

// A process that does nothing while its connection is killed, and works on afterwards.
const [url = ''] = process.argv.slice(2);
const backend = redisBackend({ url });
const record = { key: 'a'.repeat(32), data: 'first', attributes: {} };
await backend.create({ ...record, expiresAt: new Date(Date.now() + 3_600_000) });
process.stdout.write('ready\n');
for (let i = 0; i < 2; i++) {
  await once(process.stdin, 'data');
  const found = await backend.load(record.key);
  process.stdout.write(`${found?.data}\n`);
}
process.stdin.pause();
await backend.close();
