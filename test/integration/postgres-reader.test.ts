import { datasetsOf, systemClock, versionOrder } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createPostgresSink } from '../../consumer/src/sinks/postgres.js';
import { createPostgresReader } from '../../dashboard/src/readers/postgres.js';
import { describeReader, type ReaderHarness } from '../../dashboard/test/readers/conformance.js';
import { type SampleRow, sampleConfig, time } from '../../dashboard/test/sample.js';
import { uniqueName } from '../services/handle.js';

/** A reader over tables that the consumer's own sink writes. */
async function openHarness(history = true): Promise<ReaderHarness> {
  const url = inject('postgresUrl');
  const schema = uniqueName('reader');
  const sample = sampleConfig('nowhere', 'postgres');
  const config = { ...sample, sink: { ...sample.sink, postgres: { schema, history } } };
  let now = 0;
  const clock = { ...systemClock, now: () => now };
  const sink = createPostgresSink({ url, schema, history, pipeline: 'sample', datasets: datasetsOf(config), clock });
  const reader = createPostgresReader(config, url, systemClock, Number.POSITIVE_INFINITY);
  let writer: Awaited<ReturnType<typeof sink.open>> | undefined;
  return {
    reader,
    async write(rows) {
      if (writer === undefined) {
        await sink.beginEpoch('sink.run.1');
        writer = await sink.open('writer-1', 'sink.run.1');
      }
      // Rows of one time go in together.
      for (let at = 0; at < rows.length; ) {
        const [first] = rows.slice(at);
        const until = rows.findIndex((row, index) => index > at && row.at !== first?.at);
        const group = rows.slice(at, until === -1 ? rows.length : until);
        now = Date.parse(time(first?.at ?? 0));
        await writer.write('customers', group.map(rowOf));
        at += group.length;
      }
    },
    async close() {
      await reader.close();
      await sink.close();
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query(
        `SET client_min_messages TO warning; DROP SCHEMA IF EXISTS ${escapeIdentifier(schema)} CASCADE`,
      );
      await client.end();
    },
  };
}

function rowOf({ key, at, values, deleted = false, version = time(at) }: SampleRow) {
  const messageId = `01900000-0000-7000-8000-${String(at * 1000).padStart(12, '0')}`;
  const record = { id: key, name: `Customer ${key}`, updatedAt: time(at), ...values };
  return {
    ...{ dataset: 'customers', key, hash: `hash-of-${key}-${at}`, order: versionOrder(version, messageId) },
    ...{ version, messageId, values: deleted ? null : record },
  };
}

describeReader('Postgres', () => openHarness());

describe('the Postgres reader without a history', () => {
  it('shows the newest rows, and as its history the closed keys too', async () => {
    const harness = await openHarness(false);
    onTestFinished(() => harness.close());
    await harness.write([
      { key: 'a', at: 1 },
      { key: 'b', at: 2 },
      { key: 'a', at: 3, deleted: true },
    ]);
    const page = (view: 'latest' | 'history') =>
      harness.reader.rows(
        'customers',
        { view, search: '', where: [], sort: undefined, offset: 0, limit: 9 },
        new AbortController().signal,
      );
    expect((await page('latest'))?.total).toBe(1);
    const history = await page('history');
    const deleted = history?.columns.findIndex(({ name }) => name === '_deleted') ?? -1;
    expect(history?.rows.map((row) => row[deleted])).toEqual([true, false]);
    expect((await harness.reader.list())[0]).toMatchObject({ keys: 1, rows: 2 });
  });

  it('cannot write, whatever it is asked', async () => {
    const harness = await openHarness();
    onTestFinished(() => harness.close());
    await harness.write([{ key: 'a', at: 1 }]);
    const where = [{ column: 'name', is: 'is', value: `'; DELETE FROM customers; --` }] as const;
    const query = { view: 'latest', search: "'%_\\", where, sort: undefined, offset: 0, limit: 9 } as const;
    expect((await harness.reader.rows('customers', query, new AbortController().signal))?.total).toBe(0);
    expect((await harness.reader.list())[0]).toMatchObject({ keys: 1 });
  });
});
