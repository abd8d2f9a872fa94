import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEAD_LETTER_HEADERS, packBodies } from '@tributary/shared';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { readRows } from '../end-to-end/support/output.js';
import { Program } from '../end-to-end/support/program.js';
import { uniqueName } from '../services/handle.js';

/** As a fault in native code would: the process is gone at once when it reads this record. */
const DEADLY = `
const { parse } = JSON;
JSON.parse = (text, ...more) => {
  if (String(text).includes('"deadly"')) process.kill(process.pid, 'SIGKILL');
  return parse(text, ...more);
};
`;

/** Five lives until the messages are suspected, one with all records that are, seven with the deadly one alone; some to spare. */
const MOST_LIVES = 19;

const name = uniqueName('poison');
const queues = { customer: `${name}_customer`, item: `${name}_item` };
let folder: string;
let connection: ChannelModel;
let channel: ConfirmChannel;
let consumer: Program | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'poison-'));
  connection = await connect(inject('amqpUrl'));
  channel = await connection.createConfirmChannel();
  const entity = (dataset: string, queue: string) => ({ dataset, queue, key: 'id', fields: { id: 'string' } });
  const schedule = { every: '1h' };
  const pipeline = {
    name,
    entities: { customer: entity('customers', queues.customer), item: entity('items', queues.item) },
    endpoints: {
      customers: { url: 'http://127.0.0.1:1/', entity: 'customer', schedule },
      items: { url: 'http://127.0.0.1:1/', entity: 'item', schedule },
    },
    sink: { csv: { directory: join(folder, 'output') } },
  };
  await writeFile(join(folder, 'pipeline.json'), JSON.stringify(pipeline));
  await writeFile(join(folder, 'deadly.mjs'), DEADLY);
});

afterAll(async () => {
  await consumer?.stop('SIGKILL');
  for (const queue of Object.values(queues)) {
    for (const one of [queue, `${queue}.dead`]) await channel?.deleteQueue(one);
  }
  await connection?.close();
  const redis = new Redis(inject('redisUrl'));
  const keys = await redis.keys(`*${name}*`);
  if (keys.length > 0) await redis.del(keys);
  redis.disconnect();
  await rm(folder, { recursive: true });
});

const start = () =>
  new Program('consumer', {
    env: {
      PIPELINE: join(folder, 'pipeline.json'),
      AMQP_URL: inject('amqpUrl'),
      REDIS_URL: inject('redisUrl'),
      NODE_OPTIONS: `--import=${join(folder, 'deadly.mjs')}`,
      INSTANCE_ID: name,
      PORT: '0',
      LOG_LEVEL: 'warn',
    },
  });

/** Its own channel: RabbitMQ closes one that asks for a queue that is not there yet. */
async function isConsumed(queue: string): Promise<boolean> {
  const own = await connection.createChannel();
  own.on('error', () => {});
  try {
    return (await own.checkQueue(queue)).consumerCount > 0;
  } catch {
    return false;
  } finally {
    await own.close().catch(() => {});
  }
}

const idsOf = (prefix: string) => Array.from({ length: 20 }, (_, index) => `${prefix}-${index}`);
const bodies = (ids: readonly string[]) => ids.map((id) => Buffer.from(JSON.stringify({ id })));
const send = (entity: keyof typeof queues, ids: readonly string[], messageId: string) => {
  const contentType = ids.length === 1 ? 'application/json' : 'application/x-ndjson';
  channel.publish(name, entity, packBodies(bodies(ids)), { persistent: true, contentType, messageId });
};
const landed = async (dataset: string) =>
  (await readRows(join(folder, 'output'), dataset)).map(({ key }) => key).sort();

test('a record that kills the consumer is buried alone, and all others of its pack, beside it and of the other queue land', async () => {
  consumer = start();
  const running = consumer;
  await running.orEnd(
    eventually(async () => {
      for (const queue of Object.values(queues)) expect(await isConsumed(queue)).toBe(true);
    }),
  );
  const [customers, items] = [idsOf('C'), idsOf('I')];
  send('customer', [...customers.slice(0, 9), 'deadly', ...customers.slice(9)], 'm1');
  send('customer', ['C-alone'], 'm2');
  send('item', items, 'm3');
  await channel.waitForConfirms();

  const isBuried = async () => (await channel.checkQueue(`${queues.customer}.dead`)).messageCount === 1;
  let lives = 1;
  while (!(await isBuried())) {
    await sleep(100);
    if (consumer.isRunning) continue;
    expect((await consumer.ended).signal).toBe('SIGKILL');
    expect(++lives).toBeLessThan(MOST_LIVES);
    consumer = start();
  }
  expect(lives).toBeGreaterThan(5);

  await eventually(async () => {
    expect(await landed('customers')).toEqual([...customers, 'C-alone'].sort());
    expect(await landed('items')).toEqual([...items].sort());
  });
  const letter = await channel.get(`${queues.customer}.dead`);
  if (letter === false) throw new Error('there is no dead letter');
  channel.ack(letter);
  expect(String(letter.content)).toBe('{"id":"deadly"}');
  expect(letter.properties.headers?.[DEAD_LETTER_HEADERS.code]).toBe('ends_consumer');
  // All of the pack is settled, so that nothing of it comes again.
  expect((await consumer.stop()).code).toBe(0);
  for (const queue of Object.values(queues)) expect((await channel.checkQueue(queue)).messageCount).toBe(0);
}, 300_000);
