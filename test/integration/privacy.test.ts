import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipeline, topologyOf } from '@tributary/shared';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createConsumer } from '../../consumer/src/service.js';
import { createProducer } from '../../producer/src/service.js';
import { reveal } from '../../producer/src/shape/protect/encrypted.js';
import { readProtectionKeys } from '../../producer/src/shape/protect/keys.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { uniqueName } from '../services/handle.js';
import { expectNowhere, inFiles, loggedServices, onPostgres, onServers } from './everywhere.js';

/** Stands in every protected value, and nowhere else. */
const CANARY = 'Kanarienvogel';

const KEYS = readProtectionKeys({
  PRIVACY_HASH_KEY: 'the key of the pseudonyms in the tests',
  PRIVACY_ENCRYPTION_KEYS: 'test:the key of the encryption in the tests',
});

const person = (n: number, more: object = {}) => ({
  id: `${CANARY}-${n}`,
  at: `2026-01-01T00:00:${String(n).padStart(2, '0')}Z`,
  email: `x.${CANARY}@example.org`,
  name: `A${CANARY}`,
  phone: `+49 ${CANARY} ${n}`,
  born: '1984-06-11',
  notes: CANARY,
  lines: [{ sku: 'S1', recipient: CANARY }],
  undeclared: CANARY,
  ...more,
});

/** What is left of a record is told apart by `at`; the last five become dead letters, each for another reason. */
const RECORDS: readonly unknown[] = [
  ...[0, 1, 2, 3].map((n) => person(n)),
  person(4, { born: CANARY }),
  person(5, { email: { nested: CANARY } }),
  person(6, { lines: CANARY }),
  person(7, { at: 'never', notes: CANARY }),
  `${CANARY} is no object`,
];
const GOOD = 4;
const BAD = RECORDS.length - GOOD;

async function setUp(sink: 'csv' | 'postgres') {
  const name = uniqueName('privacy');
  const directory = mkdtempSync(join(tmpdir(), 'tributary-privacy-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const api = await startApi((_, response) => json(response, RECORDS));
  const protectedText = (protect: string) => ({ type: 'string', protect });
  const fields = {
    id: protectedText('hash'),
    at: 'datetime',
    email: protectedText('hash'),
    name: protectedText('mask'),
    phone: protectedText('encrypt'),
    born: { type: 'date', protect: { type: 'generalise', to: 'year' } },
    notes: { type: 'string?', protect: 'drop' },
    // An expression that fails on some of them: its words would hold the value.
    age: { type: 'integer?', value: 'int(email)' },
    lines: { type: 'list', items: { sku: 'string', recipient: protectedText('hash') } },
  };
  const entity = { dataset: 'people', queue: `${name}_people`, key: 'id', version: 'at', fields };
  const text = JSON.stringify({
    name,
    entities: { person: entity },
    endpoints: {
      people: {
        url: api.url,
        entity: 'person',
        schedule: { every: '300ms' },
        deletes: { missing: true, atMost: 'all' },
      },
    },
    batch: { interval: '200ms' },
    sink: { type: sink, csv: { directory }, postgres: { schema: name } },
  });
  const config = parsePipeline(text, {}, 'the test');
  const { logs, settings } = loggedServices(config);
  const { messages, inRedis } = await onServers(config);
  const inPostgres = await onPostgres(name);
  const producer = createProducer({ ...settings('producer'), schedule: true, protectionKeys: KEYS });
  const consumer = createConsumer(settings('consumer'));
  onTestFinished(async () => {
    await producer.stop();
    await consumer.stop();
  });
  const written = async () => (sink === 'csv' ? inFiles(directory) : await inPostgres());
  return { config, producer, consumer, logs, messages, inRedis, written };
}

describe.each(['csv', 'postgres'] as const)('protected values, with the sink %s', (sink) => {
  test('are nowhere but at the API', { timeout: 120_000 }, async () => {
    const { config, producer, consumer, logs, messages, inRedis, written } = await setUp(sink);
    const [queues] = topologyOf(config).queues;
    if (queues === undefined) throw new Error('no queue');
    await producer.start();
    const queued = await vi.waitFor(
      async () => {
        const found = await messages(queues.queue);
        expect(found.split('\n').length).toBeGreaterThanOrEqual(RECORDS.length - 1);
        return found;
      },
      { timeout: 30_000, interval: 300 },
    );
    await consumer.start();
    await vi.waitFor(async () => expect((await written()).match(/enc:test:/g)?.length).toBeGreaterThanOrEqual(GOOD), {
      timeout: 60_000,
      interval: 300,
    });
    const dead = await vi.waitFor(
      async () => {
        const found = await messages(queues.deadQueue);
        expect(found.split('\n').length).toBeGreaterThanOrEqual(BAD);
        return found;
      },
      { timeout: 30_000, interval: 300 },
    );
    const places = {
      queued,
      dead,
      written: await written(),
      redis: await inRedis(),
      logs: logs.join(''),
      metrics: `${await producer.registry.metrics()}${await consumer.registry.metrics()}`,
    };
    expectNowhere(CANARY, places);
    // What is encrypted is there all the same, for whoever has the key.
    expect(reveal(places.written, KEYS).text).toContain(`+49 ${CANARY} 3`);
    expect(places.written).toContain('1984');
  });
});
