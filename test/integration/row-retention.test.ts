import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, parsePipeline, systemClock } from '@tributary/shared';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Consumer, createConsumer } from '../../consumer/src/service.js';
import { createProducer, type Producer } from '../../producer/src/service.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { uniqueName } from '../services/handle.js';
import { inFiles, loggedServices, onPostgres, onServers } from './everywhere.js';

const DAY = 86_400_000;
const PATIENT = { timeout: 40_000, interval: 200 };

/** Looks at once whether anything is too old. */
const hasty: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  sleep: (ms, signal) => systemClock.sleep(ms === 600_000 ? 200 : ms, signal),
};

const ago = (days: number) => new Date(Date.now() - days * DAY).toISOString();
const order = (id: string, days: number, more: object = {}) => ({
  id,
  at: ago(days),
  note: `note of ${id}`,
  lines: [{ sku: 'S1' }, { sku: 'S2' }],
  ...more,
});

describe.each(['csv', 'postgres'] as const)('rows that are kept for 90 days, in %s', (sink) => {
  test('go with their merged rows, and do not come back by a poll; newer states do', { timeout: 120_000 }, async () => {
    const name = uniqueName('rows');
    const directory = mkdtempSync(join(tmpdir(), 'tributary-rows-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const items = [
      ...['S1', 'S2'].map((sku) => ({ sku, title: `title of ${sku}`, made: ago(1) })),
      { sku: 'S3', title: 'title of S3', made: ago(91) },
    ];
    let orders = [order('OLD', 100), order('YOUNG', 10, { lines: [{ sku: 'S1' }, { sku: 'S2' }, { sku: 'S3' }] })];
    const api = await startApi(({ url }, response) => json(response, String(url).includes('/items') ? items : orders));
    const queue = (entity: string) => `${name}_${entity}`;
    const lines = { type: 'list', items: { sku: 'string' } };
    const endpoint = (entity: string) => ({ url: `${api.url}/${entity}s`, entity, schedule: { every: '300ms' } });
    const pipeline = (retention: object) =>
      parsePipeline(
        JSON.stringify({
          name,
          retention,
          entities: {
            order: {
              dataset: 'orders',
              queue: queue('order'),
              key: 'id',
              version: 'at',
              fields: { id: 'string', at: 'datetime', note: 'string', lines },
            },
            item: {
              dataset: 'items',
              queue: queue('item'),
              key: 'sku',
              fields: { sku: 'string', title: 'string', made: 'datetime' },
            },
          },
          endpoints: { orders: endpoint('order'), items: endpoint('item') },
          merges: {
            order_items: {
              each: { entity: 'order', lines: 'lines' },
              with: { entity: 'item', on: 'sku' },
              columns: { note: 'order.note', title: 'item.title' },
            },
            order_titles: {
              each: { entity: 'order', lines: 'lines' },
              with: { entity: 'item', on: 'sku' },
              missing: 'empty',
              columns: { order_note: 'order.note', title: 'item.title' },
            },
          },
          batch: { interval: '200ms' },
          sink: {
            type: sink,
            csv: { directory: join(directory, 'output') },
            postgres: { schema: name, history: true },
          },
        }),
        {},
        'the test',
      );
    const config = pipeline({ rows: { order: '90d', item: { keep: '90d', by: 'made' } } });
    await onServers(config);
    const inPostgres = await onPostgres(name);
    const written = async () => (sink === 'csv' ? inFiles(join(directory, 'output')) : await inPostgres());
    const running: (Producer | Consumer)[] = [];
    onTestFinished(async () => {
      for (const service of running) await service.stop();
    });

    const { logs, settings } = loggedServices(config);
    const producer = createProducer({ ...settings('producer'), schedule: true });
    const before = createConsumer({ ...settings('before'), config: pipeline({}) });
    running.push(producer, before);
    await producer.start();
    await before.start();
    await vi.waitFor(async () => {
      const rows = await written();
      for (const key of ['OLD/S1', 'OLD/S2', 'YOUNG/S1', 'YOUNG/S2', 'title of S3']) expect(rows).toContain(key);
    }, PATIENT);
    await before.stop();

    const consumer = createConsumer({ ...settings('consumer'), clock: hasty });
    running.push(consumer);
    await consumer.start();
    await vi.waitFor(async () => expect(await written()).not.toContain('OLD'), PATIENT);
    await vi.waitFor(async () => {
      const metrics = await consumer.registry.metrics();
      expect(Number(/outcome="too_old".*\} (\d+)/.exec(metrics)?.[1] ?? 0)).toBeGreaterThan(2);
    }, PATIENT);
    // The row of the merge that leaves empty what is missing is there anew, without the item.
    expect(await written()).not.toContain('title of S3');
    await vi.waitFor(async () => expect(await written()).toContain('YOUNG/S3'), PATIENT);
    orders = [
      order('OLD', 95, { note: 'newer, and too old' }),
      order('OLDER', 1_000),
      order('YOUNG', 5),
      order('NEW', 0),
    ];
    await vi.waitFor(async () => expect(await written()).toContain('NEW/S2'), PATIENT);
    expect(await written()).not.toContain('OLD');
    expect(await written()).toContain('YOUNG/S1');
    // It has changed since, so it is there again.
    orders = [order('OLD', 1, { note: 'fresh' }), order('YOUNG', 5)];
    await vi.waitFor(async () => expect(await written()).toContain('OLD/S2'), PATIENT);
    expect(await written()).not.toContain('OLDER');
    expect(logs.filter((line) => line.includes('records of order are too old')).length).toBeGreaterThan(0);
    expect(logs.join()).not.toMatch(/"level":"(error|fatal)"/);
    expect((await consumer.registry.metrics()).match(/tributary_dead_letters_total\{.*\} [1-9]/)).toBeNull();
  });
});
