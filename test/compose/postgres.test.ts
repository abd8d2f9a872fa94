import { Client } from 'pg';
import { expect, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { flowOf } from './support/dashboard.js';
import { expectErased } from './support/erased.js';
import { Management, type Queue } from './support/management.js';
import { readmeCommand } from './support/readme.js';
import { expectNothingLostOrDoubled, postgres } from './support/settle.js';
import { useStack } from './support/stack.js';

const stack = useStack('--profile postgres', {
  RABBITMQ_USER: 'pipeline',
  RABBITMQ_PASSWORD: 'rabbit-own-1',
  RABBITMQ_MONITOR_PASSWORD: 'monitor-own-1',
  REDIS_PASSWORD: 'redis-own-1',
  POSTGRES_USER: 'pipeline',
  POSTGRES_PASSWORD: 'postgres-own-1',
  POSTGRES_DB: 'crm',
});
const up = readmeCommand('to a Postgres');

test('three consumers write into one Postgres', async () => {
  await stack.run(`${up} --scale consumer=3`);
  expect(await stack.containers('consumer')).toHaveLength(3);
  await expectNothingLostOrDoubled(stack, postgres(stack));
});

test('shows on the dashboard what has landed in Postgres', async () => {
  await eventually(async () => {
    const { datasets } = await flowOf(stack);
    expect(Object.fromEntries(datasets.map(({ name, keys }) => [name, keys]))).toMatchObject({
      customers: 200,
      inventory: 50,
    });
  });
});

test('takes passwords from .env, and then warns of none', async () => {
  const queues = await new Management(stack, 'monitor', 'monitor-own-1').get<Queue[]>('queues');
  expect(queues).toHaveLength(4);
  const log = await stack.compose('logs --no-color');
  expect(log).not.toContain('a password that anybody can read');
  expect(log).not.toContain('-own-1');
});

test('loses and repeats nothing when a consumer is killed and Postgres restarts', async () => {
  await stack.kill('consumer');
  await stack.compose('restart postgres');
  await expectNothingLostOrDoubled(stack, postgres(stack));
});

const SINK = { SINK: 'postgres' };

test('is copied while it runs, and put back where everything but the CRM is lost', async () => {
  await stack.tools('backup /backup/first', SINK);
  await stack.loseAllBut('mock-api');
  await stack.compose('up -d --wait postgres');
  expect(await stack.tools('restore /backup/first', SINK)).toContain('restored the backup');
  await stack.run(up);
  await expectNothingLostOrDoubled(stack, postgres(stack));
});

test('lets a customer be erased while it runs', async () => {
  const client = new Client(stack.postgresUrl);
  await client.connect();
  try {
    await expectErased(stack, SINK, async () => {
      const query = 'SELECT _key AS key, _message_id AS "messageId" FROM customers';
      return (await client.query<{ key: string; messageId: string }>(query)).rows;
    });
  } finally {
    await client.end();
  }
});
