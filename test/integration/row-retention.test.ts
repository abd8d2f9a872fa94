import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, datasetsOf, parsePipeline, systemClock } from '@tributary/shared';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { eraseKey } from '../../consumer/src/erase/erase.js';
import { type Consumer, createConsumer } from '../../consumer/src/service.js';
import { createSink } from '../../consumer/src/sinks/create.js';
import { newestOf } from '../../consumer/src/sinks/newest.js';
import { createProducer, type Producer } from '../../producer/src/service.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { uniqueName } from '../services/handle.js';
import { inFiles, loggedServices, onPostgres, onServers } from './everywhere.js';

const DAY = 86_400_000;
const MADE = { keep: '90d', by: 'made' };
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
  lines: [
    { sku: 'S1', place: 'P1' },
    { sku: 'S2', place: 'P2' },
  ],
  ...more,
});

const WITH_OLD_ITEM = [
  { sku: 'S1', place: 'P1' },
  { sku: 'S2', place: 'P2' },
  { sku: 'S3', place: 'P1' },
];

describe.each(['csv', 'postgres'] as const)('rows that are kept for 90 days, in %s', (sink) => {
  test('go with their merged rows and out of groups, and do not come back by a poll; newer states do, and what is erased does not', {
    timeout: 120_000,
  }, async () => {
    const name = uniqueName('rows');
    const directory = mkdtempSync(join(tmpdir(), 'tributary-rows-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const items = [
      ...['S1', 'S2'].map((sku) => ({ sku, title: `title of ${sku}`, shelf: `shelf ${sku}`, made: ago(1) })),
      { sku: 'S3', title: 'title of S3', shelf: 'shelf S3', made: ago(91) },
    ];
    let orders = [order('OLD', 100), order('YOUNG', 10, { lines: WITH_OLD_ITEM })];
    const places = [
      { code: 'P1', city: 'city of P1', made: ago(1) },
      { code: 'P2', city: 'city of P2', made: ago(91) },
    ];
    const served = (url: string) => (url.includes('/items') ? items : url.includes('/places') ? places : orders);
    const api = await startApi(({ url }, response) => json(response, served(String(url))));
    const queue = (entity: string) => `${name}_${entity}`;
    const lines = { type: 'list', items: { sku: 'string', place: 'string' } };
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
              fields: { sku: 'string', title: 'string', shelf: 'string', made: 'datetime' },
            },
            place: {
              dataset: 'places',
              queue: queue('place'),
              key: 'code',
              fields: { code: 'string', city: 'string', made: 'datetime' },
            },
          },
          endpoints: { orders: endpoint('order'), items: endpoint('item'), places: endpoint('place') },
          merges: {
            order_items: {
              each: { entity: 'order', lines: 'lines' },
              with: { entity: 'item', on: 'sku' },
              columns: { note: 'order.note', title: 'item.title', shelf: 'item.shelf' },
            },
            order_titles: {
              each: { entity: 'order', lines: 'lines' },
              with: { entity: 'item', on: 'sku' },
              missing: 'empty',
              columns: { order_note: 'order.note', title: 'item.title' },
            },
            order_star: {
              each: { entity: 'order', lines: 'lines' },
              with: [
                { entity: 'item', on: 'sku' },
                { entity: 'place', on: 'place' },
              ],
              missing: 'empty',
              columns: { title: 'item.title', city: 'place.city' },
            },
          },
          aggregates: {
            orders_in_all: { from: 'orders', metrics: { orders: 'count', oldest: { min: 'at' } }, every: '1s' },
            lines_by_shelf: { from: 'order_items', by: ['shelf'], metrics: { lines: 'count' }, every: '1s' },
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
    const config = pipeline({ rows: { order: '90d', item: MADE, place: MADE } });
    await onServers(config);
    const inPostgres = await onPostgres(name);
    const written = async () => (sink === 'csv' ? inFiles(join(directory, 'output')) : await inPostgres());
    const looking = createSink({ config, postgresUrl: inject('postgresUrl'), clock: systemClock });
    onTestFinished(() => looking.close());
    /** The columns of the newest row of each key of a dataset. */
    const newest = async (name: string) => {
      const dataset = datasetsOf(config).find((one) => one.name === name);
      if (dataset === undefined) throw new Error(`no dataset ${name}`);
      const found = await newestOf(looking.scan(dataset), dataset, ({ deleted, values }, order) => {
        return { order, values: deleted ? undefined : { ...values } };
      });
      const live = [...found].flatMap(([key, { values }]) => (values === undefined ? [] : [[key, values] as const]));
      return Object.fromEntries(live);
    };
    /** The groups are those of what is there. */
    const untilGroups = (orders: number, oldest: number, lines: Readonly<Record<string, number>>) =>
      vi.waitFor(async () => {
        const [group] = Object.values(await newest('orders_in_all'));
        expect(group).toMatchObject({ orders });
        expect(Math.abs(Date.parse(String(group?.oldest)) - Date.now() + oldest * DAY)).toBeLessThan(DAY / 2);
        const groups = Object.values(await newest('lines_by_shelf'));
        expect(Object.fromEntries(groups.map(({ shelf, lines }) => [shelf, lines]))).toEqual(lines);
      }, PATIENT);
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
    await untilGroups(2, 100, { 'shelf S1': 2, 'shelf S2': 2, 'shelf S3': 1 });
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
    // So is that of a star: with what is left of it.
    await vi.waitFor(async () => {
      const star = await newest('order_star');
      expect(Object.keys(star).sort()).toEqual(['YOUNG/S1/P1', 'YOUNG/S2/P2', 'YOUNG/S3/P1']);
      expect(star['YOUNG/S2/P2']).toMatchObject({ title: 'title of S2' });
      expect(star['YOUNG/S2/P2']?.city ?? null).toBeNull();
      expect(star['YOUNG/S3/P1']).toMatchObject({ city: 'city of P1' });
      expect(star['YOUNG/S3/P1']?.title ?? null).toBeNull();
    }, PATIENT);
    await untilGroups(1, 10, { 'shelf S1': 1, 'shelf S2': 1 });
    expect(await consumer.registry.metrics()).toMatch(/tributary_rows_removed_total\{.*setting="rows".*\} [1-9]/);
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
    await untilGroups(3, 5, { 'shelf S1': 3, 'shelf S2': 3 });
    // A record that is erased goes beside it, and neither comes back.
    orders = [order('OLD', 1, { note: 'fresh' }), order('YOUNG', 5), order('OLDER', 1_000)];
    const signal = AbortSignal.timeout(60_000);
    const postgresUrl = inject('postgresUrl');
    await eraseKey({ config, entity: 'order', key: 'OLD', postgresUrl, clock: systemClock, signal });
    await untilGroups(2, 5, { 'shelf S1': 2, 'shelf S2': 2 });
    expect(Object.keys(await newest('orders')).sort()).toEqual(['NEW', 'YOUNG']);
    expect(logs.filter((line) => line.includes('records of order are too old')).length).toBeGreaterThan(0);
    expect(logs.join()).not.toMatch(/"level":"(error|fatal)"/);
    expect((await consumer.registry.metrics()).match(/tributary_dead_letters_total\{.*\} [1-9]/)).toBeNull();
  });
});
