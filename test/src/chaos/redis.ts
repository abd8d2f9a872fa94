import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Milliseconds for which a Redis may be at something else. */
const PATIENCE = 60_000;

/** Opens a connection of its own to Redis, for the time of the work. */
export async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { enableReadyCheck: false });
  client.on('error', () => {});
  try {
    await untilItAnswers(client);
    return await use(client);
  } finally {
    client.disconnect();
  }
}

/** One that was suspended within a script is BUSY for a moment when it goes on, and one that reads its data is LOADING. */
async function untilItAnswers(client: Redis): Promise<void> {
  for (const until = Date.now() + PATIENCE; ; await sleep(20)) {
    try {
      await client.ping();
      return;
    } catch (error) {
      if (!/^(BUSY|LOADING) /.test((error as Error).message) || Date.now() > until) throw error;
    }
  }
}
