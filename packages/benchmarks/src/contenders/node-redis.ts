import type { RedisClientType } from 'redis';

/** A client of the package redis, which is what connect-redis takes. An error ends the process. */
export async function nodeRedis(url: string): Promise<RedisClientType> {
  const { createClient } = await import('redis');
  const client: RedisClientType = createClient({ url });
  client.on('error', (error) => {
    throw error;
  });
  await client.connect();
  return client;
}
