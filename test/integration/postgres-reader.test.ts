import { createDashboard } from '@tributary/dashboard';
import { createLogger, datasetsOf, type PipelineConfig, systemClock, versionOrder } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createPostgresSink } from '../../consumer/src/sinks/postgres/sink.js';
import type { RowQuery } from '../../dashboard/src/data/readers/port.js';
import { createPostgresReader } from '../../dashboard/src/data/readers/postgres/reader.js';
import { describeMoments } from '../../dashboard/test/data/moments.js';
import { describeCharts } from '../../dashboard/test/data/readers/charts.js';
import { describeReader, type ReaderHarness, records } from '../../dashboard/test/data/readers/conformance.js';
import { describeProfiles } from '../../dashboard/test/data/readers/profiles.js';
import { type SampleRow, sampleConfig, time } from '../../dashboard/test/sample.js';
import { uniqueName } from '../services/handle.js';

const SILENT = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

/** A reader over tables that the consumer's own sink writes. */
async function openHarness(
  history = true,
  large?: number,
  deletes: 'remove' | 'keep' = 'remove',
): Promise<ReaderHarness & { readonly config: PipelineConfig }> {
  const url = inject('postgresUrl');
  const schema = uniqueName('reader');
  const sample = sampleConfig('nowhere', 'postgres');
  const config = { ...sample, sink: { ...sample.sink, postgres: { schema, history, deletes } } };
  let now = 0;
  const clock = { ...systemClock, now: () => now };
  const settings = { schema, history, deletes };
  const sink = createPostgresSink({ url, ...settings, pipeline: 'sample', datasets: datasetsOf(config), clock });
  const reader = createPostgresReader(config, url, systemClock, SILENT, {
    quick: Number.POSITIVE_INFINITY,
    ...(large === undefined ? {} : { large }),
  });
  let writer: Awaited<ReturnType<typeof sink.open>> | undefined;
  return {
    config,
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
    dataset: 'customers',
    key,
    hash: `hash-of-${key}-${at}`,
    order: versionOrder(version, messageId),
    version,
    messageId,
    values: deleted ? null : record,
  };
}

describeReader('Postgres', () => openHarness());
describeProfiles('Postgres', () => openHarness());
describeCharts('Postgres', () => openHarness());

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describeMoments('Postgres', 3, async () => {
  const { config, write, close } = await openHarness(false);
  const postgresUrl = inject('postgresUrl');
  const dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'test', log, postgresUrl });
  await dashboard.start();
  return {
    dashboard,
    write,
    async close() {
      await dashboard.stop();
      await close();
    },
  };
});

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

  it.each([true, false])('shows no kept row of a deleted record but in its history (history: %s)', async (history) => {
    const harness = await openHarness(history, 3, 'keep');
    onTestFinished(() => harness.close());
    await harness.write([
      { key: 'a', at: 1, values: { note: 'gone' } },
      { key: 'b', at: 2, values: { note: 'here' } },
      { key: 'c', at: 3, values: { note: 'here' } },
      { key: 'd', at: 4, values: { note: 'gone' } },
      { key: 'a', at: 5, deleted: true },
      { key: 'd', at: 6, deleted: true },
    ]);
    const { reader } = harness;
    const never = new AbortController().signal;
    const latest = { view: 'latest', search: '', where: [], sort: undefined, offset: 0, limit: 9 } as const;
    expect((await reader.list())[0]).toMatchObject({ keys: 2, rows: history ? 6 : 4 });
    for (const query of [latest, { ...latest, sort: { column: 'id', descending: false } }]) {
      const page = await reader.rows('customers', { ...query, facets: true }, never);
      expect(records(page).map(({ _key, _deleted }) => [_key, _deleted])).toEqual(
        expect.arrayContaining([
          ['b', false],
          ['c', false],
        ]),
      );
      expect(page?.total).toBe(2);
      expect(page?.facets?.find(({ column }) => column === 'note')?.values ?? []).not.toContainEqual({
        value: 'gone',
        count: 2,
      });
    }
    const gone = { ...latest, where: [{ column: 'note', is: 'is', value: 'gone' }] } as const;
    expect((await reader.rows('customers', gone, never))?.total).toBe(0);
    const downloaded = await reader.download('customers', latest, never);
    const keys: (string | undefined)[] = [];
    const keyAt = downloaded?.columns.indexOf('_key') ?? -1;
    for await (const row of downloaded?.rows ?? []) keys.push(row[keyAt]);
    expect(keys).toEqual(['b', 'c']);

    const versions = await reader.versions('customers', 'a', 9, never);
    const cell = (name: string) => versions?.rows[0]?.[versions.columns.findIndex((column) => column.name === name)];
    expect([cell('_deleted'), cell('note')]).toEqual([true, history ? null : 'gone']);
    expect(versions?.total).toBe(history ? 2 : 1);
  });

  it('shows what is there where the consumer that keeps deleted rows, or removes them again, has not started yet', async () => {
    for (const [written, read] of [
      ['remove', 'keep'],
      ['keep', 'remove'],
    ] as const) {
      const harness = await openHarness(false, undefined, written);
      onTestFinished(() => harness.close());
      await harness.write([
        { key: 'a', at: 1 },
        { key: 'b', at: 2 },
        { key: 'a', at: 3, deleted: true },
      ]);
      const { sink } = harness.config;
      const config = { ...harness.config, sink: { ...sink, postgres: { ...sink.postgres, deletes: read } } };
      const reader = createPostgresReader(config, inject('postgresUrl'), systemClock, SILENT);
      onTestFinished(() => reader.close());
      expect((await reader.list())[0]).toMatchObject({ keys: 1, rows: 2 });
    }
  });

  it('shows a large table by key, and says so; the newest first if that is asked for', async () => {
    for (const history of [true, false]) {
      const harness = await openHarness(history, 2);
      onTestFinished(() => harness.close());
      await harness.write([
        { key: 'c', at: 1 },
        { key: 'a', at: 2 },
        { key: 'd', at: 3 },
        { key: 'b', at: 4, values: { note: 'last' } },
      ]);
      const never = new AbortController().signal;
      const page = async (change: Partial<RowQuery> = {}) => {
        const query = {
          view: 'latest',
          search: '',
          where: [],
          sort: undefined,
          offset: 0,
          limit: 9,
          ...change,
        } as const;
        const found = await harness.reader.rows('customers', query, never);
        return `${found?.order} ${records(found)
          .map((row) => String(row._key))
          .join('')} of ${found?.total}`;
      };
      // The first look asks Postgres for its own guess, which knows nothing of rows so young; the second has counted.
      await page();
      expect(await page()).toBe('key abcd of 4');
      expect(await page({ offset: 1, limit: 2 })).toBe('key bc of 4');
      expect(await page({ sort: { column: '_written_at', descending: true } })).toBe('newest bdac of 4');
      expect(await page({ sort: { column: 'id', descending: true }, limit: 3 })).toBe('newest dcb of 4');
      expect(await page({ where: [{ column: 'note', is: 'empty', value: '' }] })).toBe('newest dac of 3');
      expect(await page({ view: 'history' })).toMatch(history ? 'key abcd of 4' : 'newest bdac of 4');
    }
  });

  it.each(['infinity', '-infinity', '290000-01-01'])(
    'shows rows with a time of writing that JavaScript does not hold: %s',
    async (written) => {
      for (const history of [true, false]) {
        const harness = await openHarness(history);
        onTestFinished(() => harness.close());
        await harness.write([
          { key: 'a', at: 1 },
          { key: 'b', at: 2 },
        ]);
        const client = new Client({ connectionString: inject('postgresUrl') });
        await client.connect();
        const { schema } = harness.config.sink.postgres ?? {};
        for (const table of ['customers', ...(history ? ['customers_history'] : [])]) {
          const name = `${escapeIdentifier(schema ?? '')}.${table}`;
          await client.query(`UPDATE ${name} SET _written_at = $1 WHERE _key = 'b'`, [written]);
        }
        await client.end();
        const [summary] = await harness.reader.list();
        expect(summary).toMatchObject({ keys: 2, rows: 2, lastWrittenAt: time(1) });
      }
    },
  );

  it('finds by its key alone what a tombstone has no column for', async () => {
    const harness = await openHarness();
    onTestFinished(() => harness.close());
    await harness.write([
      { key: 'a', at: 1 },
      { key: 'a', at: 2, deleted: true },
    ]);
    const total = async (column: string) => {
      const where = [{ column, is: 'is', value: 'a' }] as const;
      const query = { view: 'history', search: '', where, sort: undefined, offset: 0, limit: 9 } as const;
      return (await harness.reader.rows('customers', query, new AbortController().signal))?.total;
    };
    expect([await total('id'), await total('_key')]).toEqual([1, 2]);
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
