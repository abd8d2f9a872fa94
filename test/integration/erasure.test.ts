import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipeline, topologyOf } from '@tributary/shared';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createConsumer } from '../../consumer/src/service.js';
import { createProducer } from '../../producer/src/service.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { cli } from '../../tributary/test/cli/support.js';
import { uniqueName } from '../services/handle.js';
import { expectNowhere, inFiles, loggedServices, onPostgres, onServers } from './everywhere.js';

/** Stands in the key of the person who is erased, and in all that is told of her. */
const CANARY = 'Kanarienvogel';
const PATIENT = { timeout: 40_000, interval: 200 };

type Person = Readonly<Record<string, unknown>>;
const person = (id: string, more: Person = {}): Person => ({
  id,
  at: '2026-01-01T00:00:01Z',
  name: `name of ${id}`,
  lines: [{ sku: 'S1' }, { sku: 'S2' }],
  ...more,
});
const ITEMS = ['S1', 'S2'].map((sku) => ({ sku, title: `title of ${sku}` }));

async function setUp(sink: 'csv' | 'postgres') {
  const name = uniqueName('erasure');
  const directory = mkdtempSync(join(tmpdir(), 'tributary-erasure-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const output = join(directory, 'output');
  /** What the API has, which goes on to have it. */
  let people: Person[] = [];
  const api = await startApi(({ url }, response) => json(response, String(url).includes('/items') ? ITEMS : people));
  const queue = (entity: string) => `${name}_${entity}`;
  const lines = { type: 'list', items: { sku: 'string' } };
  const endpoint = (entity: string) => ({ url: `${api.url}/${entity}s`, entity, schedule: { every: '300ms' } });
  const text = JSON.stringify({
    name,
    entities: {
      person: {
        dataset: 'people',
        queue: queue('person'),
        key: 'id',
        version: 'at',
        fields: { id: 'string', at: 'datetime', name: 'string', lines },
      },
      item: { dataset: 'items', queue: queue('item'), key: 'sku', fields: { sku: 'string', title: 'string' } },
    },
    endpoints: { people: endpoint('person'), items: endpoint('item') },
    merges: {
      person_items: {
        each: { entity: 'person', lines: 'lines' },
        with: { entity: 'item', on: 'sku' },
        columns: { name: 'person.name', title: 'item.title' },
      },
    },
    aggregates: {
      names: { from: 'people', by: ['name'], metrics: { people: 'count' }, every: '1s' },
      lines: { from: 'person_items', metrics: { lines: 'count' }, every: '1s' },
    },
    batch: { interval: '200ms' },
    sink: { type: sink, csv: { directory: output }, postgres: { schema: name, history: true } },
  });
  const file = join(directory, 'pipeline.yaml');
  writeFileSync(file, text);
  const config = parsePipeline(text, {}, 'the test');
  const { logs, settings } = loggedServices(config);
  const { messages, inRedis } = await onServers(config);
  const inPostgres = await onPostgres(name);
  const producer = createProducer({ ...settings('producer'), schedule: true });
  const consumer = createConsumer(settings('consumer'));
  onTestFinished(async () => {
    await producer.stop();
    await consumer.stop();
  });

  const audit = join(directory, 'actions.jsonl');
  const env = { AMQP_URL: inject('amqpUrl'), POSTGRES_URL: inject('postgresUrl'), AUDIT_LOG: audit };
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli([...args, '--reason', 'request 17', '--config', file], { env });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const queued = async () => {
    const found: string[] = [];
    for (const { queue: one, deadQueue } of topologyOf(config).queues)
      found.push(await messages(one), await messages(deadQueue));
    return found.join('\n');
  };
  const written = async () => (sink === 'csv' ? inFiles(output) : await inPostgres());
  const serve = (...now: Person[]) => {
    people = now;
  };
  const auditLog = () => readFileSync(audit, 'utf8');
  return { producer, consumer, logs, queued, inRedis, written, command, serve, auditLog };
}

describe.each(['csv', 'postgres'] as const)('a person who is erased, with the sink %s', (sink) => {
  test('is found nowhere afterwards, and does not come back', { timeout: 150_000 }, async () => {
    const { producer, consumer, logs, queued, inRedis, written, command, serve, auditLog } = await setUp(sink);
    const id = `C/${CANARY}`;
    const broken = person(id, { at: '2026-01-02T00:00:00Z', name: { nested: CANARY } });
    serve(person(id), person('C-2'), broken);
    await producer.start();
    await consumer.start();
    await vi.waitFor(async () => {
      const rows = await written();
      expect(rows).toContain('C-2/S2');
      expect(rows).toContain(`C%2F${CANARY}/S2`);
      expect(await queued()).toContain(CANARY);
    }, PATIENT);
    // A state of before, which the history keeps.
    serve(person(id, { at: '2026-01-03T00:00:00Z', name: `other ${CANARY}` }), person('C-2'), broken);
    await vi.waitFor(async () => expect(await written()).toContain(`other ${CANARY}`), PATIENT);
    // The group of that name alone, whose key it is.
    const group = new RegExp(`other ${CANARY}[^\\n]{0,300}aggregate-`);
    await vi.waitFor(async () => expect(await written()).toMatch(group), PATIENT);

    const subject = await command('subject', 'person', id);
    const { rows, deadLetters, mentions } = subject as { rows: { place: string; key: string }[] } & Record<
      'deadLetters' | 'mentions',
      unknown[]
    >;
    expect(new Set(rows.map(({ key }) => key))).toEqual(new Set([id, `C%2F${CANARY}/S1`, `C%2F${CANARY}/S2`]));
    expect(rows.length).toBeGreaterThanOrEqual(6);
    expect(deadLetters.length).toBeGreaterThanOrEqual(1);
    expect(mentions).toEqual([]);

    const before = logs.length;
    const certificate = await command('erase', 'person', id);
    expect(certificate).toMatchObject({ certificate: 'erasure', entity: 'person', reason: 'request 17' });
    expect(certificate.deadLetters).toBeGreaterThanOrEqual(1);
    expect(JSON.stringify(certificate)).not.toContain(CANARY);
    expect(await written()).not.toContain(CANARY);

    // The API goes on to have the record, good and bad, and in a newer state too; and others land.
    // A session that began before may still tell of a bad record that it had at work.
    await vi.waitFor(
      () => expect(logs.slice(before).some((line) => line.includes('"msg":"consuming"'))).toBe(true),
      PATIENT,
    );
    const logged = logs.length;
    serve(person(id, { at: '2026-01-04T00:00:00Z' }), person('C-2'), person('C-3'), {
      ...broken,
      at: '2026-01-05T00:00:00Z',
    });
    await vi.waitFor(async () => expect(await written()).toContain('C-3/S2'), PATIENT);
    await vi.waitFor(async () => {
      const metrics = await consumer.registry.metrics();
      expect(metrics).toMatch(/tributary_records_total\{entity="person",outcome="erased",service="consumer"\} [1-9]/);
    }, PATIENT);
    // Others are there once, and whole.
    const text = await written();
    expect(text).toContain('C-2/S1');
    await vi.waitFor(async () => expect(await written()).toMatch(/name of C-3[^\n]{0,300}aggregate-/), PATIENT);
    await producer.stop();
    await vi.waitFor(() => expect(consumer.unsettled()).toBe(0), PATIENT);
    await consumer.flushNow();
    const places = {
      written: await written(),
      queues: `-${await queued()}`,
      redis: await inRedis(),
      metrics: `${await consumer.registry.metrics()}`,
      audit: auditLog(),
      log: `-${logs
        .slice(logged)
        .filter((line) => line.includes('"consumer"'))
        .join('\n')}`,
    };
    expectNowhere(CANARY, places);
  });
});
