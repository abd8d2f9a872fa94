import { createDashboard } from '@tributary/dashboard';
import {
  applyTopology,
  type ConfirmChannel,
  createLogger,
  DEAD_LETTER_HEADERS,
  parsePipeline,
  topologyOf,
} from '@tributary/shared';
import { type ChannelModel, connect } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

interface Letter {
  readonly id: string;
  readonly code: string;
  readonly reason: string;
  readonly key: string | null;
}

describe('dead letters whose deliveries a policy limits', () => {
  let rabbit: PrivateRabbitMQ;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  beforeAll(async () => {
    rabbit = await startPrivateRabbitMQ(() => {});
    connection = await connect(rabbit.url);
    channel = await connection.createConfirmChannel();
  });
  afterAll(async () => {
    await connection.close();
    await rabbit.stop();
  });

  let deadQueue: string;
  let ask: (path: string) => Promise<Response>;
  beforeEach(async () => {
    const name = uniqueName('looks');
    const config = parsePipeline(
      `{ name: ${name}, entities: { thing: { dataset: things, queue: ${name}, key: id, fields: { id: string } } }, endpoints: {} }`,
      {},
      'test.yaml',
    );
    deadQueue = `${name}.dead`;
    await applyTopology(channel, topologyOf(config));
    const amqpUrl = rabbit.url;
    const dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'test', log, amqpUrl });
    await dashboard.start();
    onTestFinished(() => dashboard.stop());
    ask = (path) => fetch(`${dashboard.url}/api${path}`);
    await expect.poll(async () => (await ask('/dead-letters')).status).toBe(200);
  });
  const policy = (definition: object) =>
    rabbit.ctl('set_policy', 'limit', String.raw`\.dead$`, JSON.stringify(definition), '--apply-to', 'queues');
  const send = async (count: number) => {
    for (let n = 1; n <= count; n++) {
      const headers = {
        key: `K${n}`,
        list: [n, { deep: true }],
        [DEAD_LETTER_HEADERS.code]: 'field_invalid',
        [DEAD_LETTER_HEADERS.reason]: `letter ${n}`,
        [DEAD_LETTER_HEADERS.deadAt]: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
      };
      channel.sendToQueue(deadQueue, Buffer.from(`{"id":${n}}`), { messageId: `m-${n}`, persistent: true, headers });
    }
    await channel.waitForConfirms();
  };
  const look = async (): Promise<Letter[]> => {
    const answer = await ask('/dead-letters?refresh=1');
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { letters: Letter[] }).letters;
  };
  const held = async () => (await channel.checkQueue(deadQueue)).messageCount;

  test.each([3, 5, 20])('are all there after many looks, as they were (limit %d)', async (limit) => {
    await policy({ 'delivery-limit': limit });
    await send(10);
    const first = await look();
    expect(first).toHaveLength(10);
    for (let n = 0; n < 3 * limit + 5; n++) expect(await look()).toEqual(first);
    expect(await held()).toBe(10);
  });

  test('are all there after many looks at the first one, which ends before the others were looked at', async () => {
    await policy({ 'delivery-limit': 4 });
    await send(10);
    const { id = '' } = (await look()).at(-1) ?? {};
    for (let n = 0; n < 15; n++) expect((await ask(`/dead-letters/${id}`)).status).toBe(200);
    await expect.poll(held).toBe(10);
    expect(await look()).toHaveLength(10);
  });

  test('are not looked at any more while RabbitMQ takes no letters, and this is told', async () => {
    await policy({ 'delivery-limit': 10 });
    await send(10);
    await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
    onTestFinished(async () => void (await rabbit.ctl('set_vm_memory_high_watermark', '0.8')));
    for (let n = 0; n < 4; n++) expect(await look()).toHaveLength(10);
    for (let n = 0; n < 15; n++) {
      const answer = await ask('/dead-letters?refresh=1');
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain('takes no more letters');
    }
    expect(await held()).toBe(10);
  });
});
