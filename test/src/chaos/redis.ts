import { Redis } from 'ioredis';

/** Opens a connection of its own to Redis, for the time of the work. */
export async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  client.on('error', () => {});
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}
