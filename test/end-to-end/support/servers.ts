import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import type { Stage } from './stage.js';

/** Where a pipeline runs. */
export interface Servers {
  readonly amqpUrl: string;
  readonly redisUrl: string;
}

/** What is left of a pipeline on servers that are shared goes with the test: exchanges, queues and Redis keys. */
export function removeAtEnd(
  stage: Pick<Stage, 'atEnd'>,
  servers: Servers,
  name: string,
  queues: readonly string[],
): void {
  stage.atEnd(`pipeline ${name} in Redis`, () => forgetInRedis(servers.redisUrl, name));
  stage.atEnd(`pipeline ${name} in RabbitMQ`, () =>
    withChannel(servers.amqpUrl, async (channel) => {
      for (const queue of queues) {
        await channel.deleteQueue(queue);
        await channel.deleteQueue(`${queue}.dead`);
      }
      await channel.deleteExchange(name);
      await channel.deleteExchange(`${name}.dead`);
    }),
  );
}

/** Deletes every key of a pipeline, as somebody would who has lost his Redis. @returns how many there were */
export function forgetInRedis(redisUrl: string, name: string): Promise<number> {
  return withKeys(redisUrl, `{${name}}:*`, (redis, keys) => (keys.length === 0 ? 0 : redis.unlink(...keys)));
}

/** What the text keys of a pattern hold. */
export function textsInRedis(redisUrl: string, pattern: string): Promise<(string | null)[]> {
  return withKeys(redisUrl, pattern, (redis, keys) => (keys.length === 0 ? [] : redis.mget(...keys)));
}

async function withKeys<T>(
  url: string,
  pattern: string,
  use: (redis: Redis, keys: readonly string[]) => T | Promise<T>,
): Promise<T> {
  const redis = new Redis(url);
  try {
    const found: string[] = [];
    for await (const keys of redis.scanStream({ match: pattern, count: 1_000 })) found.push(...(keys as string[]));
    return await use(redis, found);
  } finally {
    redis.disconnect();
  }
}

/** How many messages wait in a queue and are with nobody. */
export const waitingIn = (amqpUrl: string, queue: string): Promise<number> =>
  withChannel(amqpUrl, async (channel) => (await channel.checkQueue(queue)).messageCount);

/** A dead letter: the record as it came, and what is said about it. */
export interface DeadLetter {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Takes every dead letter of a queue away. */
export function takeDeadLetters(amqpUrl: string, queue: string): Promise<DeadLetter[]> {
  return withChannel(amqpUrl, async (channel) => {
    const letters: DeadLetter[] = [];
    for (;;) {
      const message = await channel.get(`${queue}.dead`, { noAck: true });
      if (message === false) return letters;
      letters.push({ body: message.content, headers: message.properties.headers ?? {} });
    }
  });
}

/** Publishes a message as somebody would who knows nothing of Tributary. Resolves when the broker has it. */
export async function publish(amqpUrl: string, exchange: string, routingKey: string, body: Buffer): Promise<void> {
  const connection = await connect(amqpUrl);
  try {
    const channel = await connection.createConfirmChannel();
    channel.publish(exchange, routingKey, body, { persistent: true });
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
}

type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>;

export async function withChannel<T>(url: string, use: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  // The operation that fails tells; without a listener the error would end the process as well.
  connection.on('error', () => {});
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    return await use(channel);
  } finally {
    await connection.close();
  }
}
