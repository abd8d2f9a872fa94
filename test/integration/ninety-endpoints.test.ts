import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProducer } from '@tributary/producer';
import { createLogger, parsePipeline } from '@tributary/shared';
import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { uniqueName } from '../services/handle.js';

const COUNT = 90;

test('ninety endpoints every five seconds are no load for one producer, and do not fire all at once', async () => {
  const polls = new Map<string, number[]>();
  let most = 0;
  let now = 0;
  const api = createServer((request, response) => {
    const times = polls.get(request.url ?? '') ?? [];
    polls.set(request.url ?? '', [...times, performance.now()]);
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      response.end('[]');
    }, 20);
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const name = uniqueName('ninety');
  const queue = `${name}.things`;
  const ids = Array.from({ length: COUNT }, (_, index) => `endpoint-${index}`);
  const pipeline = {
    name,
    entities: { thing: { dataset: 'things', queue, key: 'id', fields: { id: 'string' } } },
    endpoints: Object.fromEntries(
      ids.map((id) => [id, { url: `${url}/${id}`, entity: 'thing', schedule: { every: '5s' } }]),
    ),
    limits: { perHost: { concurrency: 4 } },
  };
  const producer = createProducer({
    config: parsePipeline(JSON.stringify(pipeline), {}, 'test'),
    log: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
    amqpUrl: inject('amqpUrl'),
    redisUrl: inject('redisUrl'),
    instance: 'test',
    port: 0,
    host: '127.0.0.1',
    schedule: true,
  });
  const broker = await connect(inject('amqpUrl'));
  onTestFinished(async () => {
    await producer.stop();
    const channel = await broker.createChannel();
    await channel.deleteQueue(queue);
    await channel.deleteQueue(`${queue}.dead`);
    await channel.deleteExchange(name);
    await channel.deleteExchange(`${name}.dead`);
    await broker.close();
    api.closeAllConnections();
    api.close();
  });
  await producer.start();
  const polled = (times: number) => () => {
    expect(polls.size).toBe(COUNT);
    for (const [id, found] of polls) expect([id, Math.min(found.length, times)]).toEqual([id, times]);
  };
  await vi.waitFor(polled(2), { timeout: 40_000, interval: 200 });

  const first = [...polls.values()].map(([time = 0]) => time).sort((a, b) => a - b);
  expect((first.at(-1) ?? 0) - (first[0] ?? 0)).toBeGreaterThan(1_500);
  expect(most).toBeLessThanOrEqual(4);
  const metrics = await (await fetch(`${producer.url}/metrics`)).text();
  const overdue = [...metrics.matchAll(/^tributary_poll_overdue_ticks_total\{.*\} (\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  expect(overdue.reduce((a, b) => a + b, 0)).toBe(0);
});
