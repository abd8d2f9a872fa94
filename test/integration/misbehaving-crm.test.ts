import { createMockApi, type TruthDocument } from '@tributary/mock-api';
import { createProducer } from '@tributary/producer';
import { bodiesOf, createLogger, isPack, parsePipeline } from '@tributary/shared';
import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { uniqueName } from '../services/handle.js';

/** Of the misfortunes that a real CRM knows, some to each request, and moving pages most of all. */
const FAULTS = {
  status: { 500: 0.03, 503: 0.03, 429: 0.03 },
  retryAfter: 0,
  dropped: 0.03,
  truncated: 0.03,
  malformed: 0.03,
  html: 0.03,
  slow: 0.03,
  slowPause: 1,
  moving: 0.3,
  duplicated: 0.05,
  shuffled: 0.05,
};

const page = { sizeParameter: 'limit', size: 10 };
const body = { items: '$.data' };

/** Every way to page, by configuration alone. */
const PAGINGS: Record<string, object> = {
  cursor: { ...body, paging: { type: 'cursor', next: '$.nextCursor', ...page } },
  page: { ...body, paging: { type: 'page', ...page } },
  offset: { ...body, paging: { type: 'offset', ...page } },
  link: { ...body, paging: { type: 'link', ...page } },
  'link-of-pages': { ...body, query: { page: 1 }, paging: { type: 'link', ...page } },
  'next-url': { ...body, query: { next: 'url' }, paging: { type: 'next-url', next: '$.next', ...page } },
  'next-url-of-offsets': {
    ...body,
    query: { next: 'url', offset: 0 },
    paging: { type: 'next-url', next: '$.next', ...page },
  },
  ndjson: { format: 'ndjson', paging: { type: 'link', ...page } },
};

test('a CRM that misbehaves in every way loses no change, however its pages are found', async () => {
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const crm = createMockApi({ port: 0, customers: 100, items: 10, changesPerSecond: 0, log });
  onTestFinished(() => crm.stop());
  await crm.start();
  const setFaults = async (faults: object) =>
    expect((await fetch(`${crm.url}/admin/faults`, { method: 'POST', body: JSON.stringify(faults) })).ok).toBe(true);

  const name = uniqueName('misbehaving');
  const queue = `${name}.customers`;
  const endpoints = Object.entries(PAGINGS).map(([id, settings]) => {
    const rest = { entity: 'customer', incremental: { parameter: 'updated_since', overlap: '0s' } };
    return [id, { url: `${crm.url}/customers`, retries: 5, retryDelay: '1ms', ...rest, ...settings }];
  });
  const fields = { id: 'string', updatedAt: 'datetime' };
  const customer = { dataset: 'customers', queue, key: 'id', version: 'updatedAt', fields };
  const pipeline = { name, entities: { customer }, endpoints: Object.fromEntries(endpoints) };
  const producer = createProducer({
    config: parsePipeline(JSON.stringify(pipeline), {}, 'test'),
    instance: 'test',
    log,
    schedule: false,
    amqpUrl: inject('amqpUrl'),
    redisUrl: inject('redisUrl'),
    port: 0,
    host: '127.0.0.1',
  });
  const broker = await connect(inject('amqpUrl'));
  const channel = await broker.createChannel();
  onTestFinished(async () => {
    await producer.stop();
    await channel.deleteQueue(queue);
    await channel.deleteQueue(`${queue}.dead`);
    await channel.deleteExchange(name);
    await channel.deleteExchange(`${name}.dead`);
    await broker.close();
  });
  await producer.start();

  /** The newest version of each customer that each endpoint has brought so far. */
  const brought = new Map(Object.keys(PAGINGS).map((id) => [id, new Map<string, string>()]));
  let received = 0;
  let published = 0;
  const poll = async () => {
    const summaries = await producer.pollOnce();
    for (const summary of summaries) published += summary.published;
    return summaries.filter(({ error }) => error !== undefined);
  };
  // Its queues are there when it is ready.
  await vi.waitFor(async () => expect((await fetch(`${producer.url}/readyz`)).status).toBe(200));
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      const newest = brought.get(String(message.properties.headers?.endpoint));
      for (const body of isPack(message.properties) ? bodiesOf(message.content) : [message.content]) {
        received += 1;
        const record = JSON.parse(String(body)) as { id: string; updatedAt: string };
        if (record.updatedAt > (newest?.get(record.id) ?? '')) newest?.set(record.id, record.updatedAt);
      }
    },
    { noAck: true },
  );

  await setFaults(FAULTS);
  let failed = 0;
  for (let round = 0; round < 4; round++) failed += (await poll()).length;
  await setFaults({});
  // Two rounds: in the first, an endpoint whose last run failed relies on nothing that it remembers.
  for (let round = 0; round < 2; round++) expect(await poll()).toEqual([]);
  await vi.waitFor(() => expect(received).toBeGreaterThanOrEqual(published), { timeout: 60_000 });

  const truth = (await (await fetch(`${crm.url}/admin/truth`)).json()) as TruthDocument;
  const newest = new Map(truth.customers.records.map(({ key, version }) => [key, version]));
  expect(newest.size).toBe(100);
  for (const [id, found] of brought) expect([id, found]).toEqual([id, newest]);
  expect(failed).toBeLessThan(4 * endpoints.length);
}, 180_000);
