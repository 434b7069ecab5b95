import { redisBackend } from '@coatcheck/cache';

// A process that asks a Redis, which may not answer, closes the backend, and has nothing else to do.
const [url = '', waitReplicas = '0'] = process.argv.slice(2);
const backend = redisBackend({ url, waitReplicas: Number(waitReplicas) });
await Promise.allSettled([backend.load('a'.repeat(32)), backend.delete('b'.repeat(32))]);
await backend.close();
const closedAt = performance.now();
process.once('exit', () => process.stdout.write(`${performance.now() - closedAt}`));
