import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { datasetsOf, describeError, FatalError, RetryableError, type Row, systemClock } from '@tributary/shared';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createSink } from '../../consumer/src/sinks/create.js';
import type { Sink } from '../../consumer/src/sinks/port.js';
import { createPostgresSink, type PostgresSinkOptions } from '../../consumer/src/sinks/postgres/sink.js';
import { WriterLost } from '../../consumer/src/writer-lost.js';
import { eraseRecord } from '../../consumer/test/sinks/erase-record.js';
import { datasetNamed, mergedRow, PIPELINE, partRow, pipeline } from '../../consumer/test/sinks/records.js';
import { type PrivateService, uniqueName } from '../services/handle.js';
import { startPrivatePostgres } from '../services/postgres.js';
import { startPostgresProxy } from './postgres-proxy.js';
import { type PostgresStore, postgresStore } from './postgres-store.js';

const EPOCH = 'sink.run.1';

let server: PrivateService;
beforeAll(async () => {
  server = await startPrivatePostgres();
});
afterAll(() => server.stop());

/** A sink of the test's own making. */
const sinkOn = (url: string, options: Partial<PostgresSinkOptions> = {}) =>
  createPostgresSink({
    url,
    schema: 'public',
    history: false,
    deletes: 'remove',
    pipeline: 'tributary',
    clock: systemClock,
    datasets: datasetsOf(pipeline()),
    ...options,
  });

/** A sink that is closed after the test, with an epoch begun and one writer. */
async function begin(sink: Sink, name = 'writer-1') {
  onTestFinished(() => sink.close());
  if ((await sink.epoch()) === undefined) await sink.beginEpoch(EPOCH);
  return { sink, writer: await sink.open(name, EPOCH) };
}

async function newStore(settings: { history?: boolean } = {}, url = inject('postgresUrl')): Promise<PostgresStore> {
  const store = await postgresStore(url, settings);
  onTestFinished(() => store.remove());
  return store;
}

async function scanned(sink: Sink, dataset = 'parts') {
  const found: { key: string; messageId: string; deleted: boolean; values: object }[] = [];
  for await (const { key, messageId, deleted, values } of sink.scan(datasetNamed(dataset))) {
    found.push({ key, messageId, deleted, values });
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

const keys = async (sink: Sink) => (await scanned(sink)).map(({ key }) => key);

describe('the tables', () => {
  test('hold the same numbers, and no text in place of what is missing, where the database shows fewer digits and reads NULL as text', async () => {
    const settings = encodeURIComponent('-c extra_float_digits=-3 -c array_nulls=off');
    const store = await newStore({}, `${server.url}?options=${settings}`);
    const { sink, writer } = await begin(store.connect());
    const values = { sku: 'A', revision: 1, price: 0.1 + 0.2 };
    await writer.write('parts', [{ ...partRow('A', 1), values }]);
    expect(await scanned(sink)).toMatchObject([{ values }]);
    expect(await store.query('SELECT name FROM parts')).toEqual([{ name: null }]);
  });

  test('have a column for each field, of its type, and the rows of the newest content', async () => {
    const store = await newStore();
    const { writer } = await begin(store.connect());
    await writer.write('thing_parts', [mergedRow('T/A', 1), mergedRow('T/B', 1), mergedRow('T/B', 2, null)]);
    const columns = await store.query<{ name: string; type: string; collation: string | null }>(
      `SELECT column_name AS name, data_type AS type, collation_name AS collation
         FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'things' ORDER BY ordinal_position`,
      [store.schema],
    );
    const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({
      id: 'text',
      at: 'timestamp with time zone',
      whole: 'bigint',
      size: 'double precision',
      flag: 'boolean',
      needed_day: 'date',
      json: 'jsonb',
      lines: 'jsonb',
      'we"ird,\'na;me--': 'text',
      constructor: 'text',
      _key: 'text',
      _hash: 'text',
      _version: 'text',
      _message_id: 'text',
      _order: 'text',
      _written_at: 'timestamp with time zone',
    });
    const bytewise = columns.filter(({ collation }) => collation === 'C').map(({ name }) => name);
    expect(bytewise).toEqual(['_key', '_order']);
    expect(await store.query('SELECT _key, quantity::int FROM thing_parts')).toEqual([{ _key: 'T/A', quantity: 1 }]);
    expect(await store.query('SELECT _key FROM thing_parts_tombstones')).toEqual([{ _key: 'T/B' }]);
  });

  test('are made once by consumers that start at the same time', async () => {
    const store = await newStore();
    const sinks = Array.from({ length: 8 }, () => store.connect());
    for (const sink of sinks) onTestFinished(() => sink.close());
    await Promise.all(sinks.map((sink) => sink.probe()));
    expect(new Set(await Promise.all(sinks.map((sink) => sink.identity()))).size).toBe(1);
  });

  test('get a column for a new field, and keep what a field held that is no more', async () => {
    const store = await newStore({ history: true });
    const { writer } = await begin(store.connect());
    await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
    await store.query("ALTER TABLE parts ADD COLUMN remark text DEFAULT 'added by hand'");

    const config = pipeline(PIPELINE.replace('name: string?', 'colour: string?'));
    const { sink, writer: next } = await begin(store.connect(config), 'writer-2');
    const row = partRow('A', 2);
    await next.write('parts', [{ ...row, values: { sku: 'A', revision: 2, colour: 'red' } }]);
    expect(await store.query('SELECT _key, name, colour, remark FROM parts ORDER BY _key')).toEqual([
      // What it is now holds no name: the old one would be a lie. What is not Tributary's stays.
      { _key: 'A', name: null, colour: 'red', remark: 'added by hand' },
      { _key: 'B', name: 'content 1', colour: null, remark: 'added by hand' },
    ]);
    expect(await store.query('SELECT name, colour FROM parts_history WHERE _key = $1 ORDER BY _order', ['A'])).toEqual([
      { name: 'content 1', colour: null },
      { name: null, colour: 'red' },
    ]);
    const values: object[] = [];
    const dataset = datasetsOf(config).find(({ name }) => name === 'parts') ?? datasetNamed('parts');
    for await (const one of sink.scan(dataset)) values.push(one.values);
    expect(values).toContainEqual({ sku: 'A', revision: 2, colour: 'red' });
    expect(values).toContainEqual({ sku: 'B', revision: 1 });
  });

  test('refuse a field whose type has changed, and say what to do, which works', async () => {
    const store = await newStore();
    const { writer } = await begin(store.connect());
    await writer.write('parts', [partRow('A', 7)]);
    const config = pipeline(
      PIPELINE.replace('version: revision', 'version: name').replace(
        'revision: integer, name: string?',
        'revision: number, name: string',
      ),
    );
    const sink = store.connect(config);
    onTestFinished(() => sink.close());
    const error = await sink.probe().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FatalError);
    expect(describeError(error)).toContain(`"${store.schema}"."parts" has a column "revision" of type bigint`);
    await store.query(/ALTER TABLE [^;]*;/.exec(describeError(error))?.[0] ?? '');
    await sink.probe();
    expect(await scanned(sink)).toMatchObject([{ key: 'A', values: { revision: 7 } }]);
  });

  test('that somebody else made are refused, and left as they are', async () => {
    const store = await newStore();
    await store.query(`CREATE SCHEMA ${store.schema}`);
    await store.query('CREATE TABLE parts (sku int PRIMARY KEY, name text)');
    await store.query("INSERT INTO parts VALUES (1, 'precious')");
    const sink = store.connect();
    onTestFinished(() => sink.close());
    const error = await sink.identity().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FatalError);
    expect(describeError(error)).toContain('a table "parts" that Tributary did not make');
    expect(await store.query('SELECT * FROM parts')).toEqual([{ sku: 1, name: 'precious' }]);
    const tables = 'SELECT count(*)::int AS count FROM information_schema.tables WHERE table_schema = $1';
    expect(await store.query(tables, [store.schema])).toEqual([{ count: 1 }]);
  });

  test.each([
    ['a field longer than names can be', PIPELINE.replace('name: string?', `${'ä'.repeat(32)}: string?`)],
    ['a field that every table has already', PIPELINE.replace('name: string?', 'ctid: string?')],
    [
      'a dataset whose tombstones have the name of another',
      PIPELINE.replace('dataset: things', 'dataset: parts_tombstones'),
    ],
    [
      'a dataset with too long a name for its tombstones',
      PIPELINE.replace('dataset: things', `dataset: ${'t'.repeat(60)}`),
    ],
  ])('cannot be made for %s, which is told before anything is done', async (_what, yaml) => {
    const store = await newStore();
    expect(() => store.connect(pipeline(yaml))).toThrow(FatalError);
  });

  test('of a later version of Tributary are refused, and those of one that knew no number get ours', async () => {
    const store = await newStore();
    await store.connect().identity();
    await store.query('ALTER TABLE tributary_meta DROP COLUMN format');
    await store.connect().identity();
    expect(await store.query('SELECT format FROM tributary_meta')).toEqual([{ format: '1' }]);
    await store.query('UPDATE tributary_meta SET format = 2');
    await expect(store.connect().identity()).rejects.toThrow('written by a later version of Tributary (format 2');
    // What this version would add may be what the later one does without.
    await store.query('ALTER TABLE tributary_marks DROP COLUMN witnesses');
    await expect(store.connect().probe()).rejects.toThrow('update this consumer; it writes nothing until then');
    const lacking = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'witnesses'`;
    expect(await store.query(lacking)).toEqual([]);
  });

  test('may be shared by pipelines whose datasets have other names', async () => {
    const store = await newStore();
    const yaml = PIPELINE.replaceAll(/dataset: (\w+)/g, 'dataset: other_$1');
    const { sink, writer } = await begin(store.connect());
    const { sink: other } = await begin(store.connect({ ...pipeline(yaml), name: 'other' }), 'writer-2');
    await other.beginEpoch('another.run.1');
    await writer.write('parts', [partRow('A', 1)]);
    expect(await sink.epoch()).toBe(EPOCH);
    expect(await sink.identity()).not.toBe(await other.identity());
  });

  test('that are dropped under a writer end it, and are made again as another output', async () => {
    const store = await newStore();
    const { sink, writer } = await begin(store.connect());
    const name = await sink.identity();
    await writer.write('parts', [partRow('A', 1)]);
    await store.query(`DROP SCHEMA ${store.schema} CASCADE`);
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toThrow('does not exist');
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toBeInstanceOf(WriterLost);
    expect(await sink.identity()).not.toBe(name);
    expect(await keys(sink)).toEqual([]);
  });
});

test('a key is erased from the history too that is left from when it was kept', async () => {
  const store = await newStore({ history: true });
  const { writer } = await begin(store.connect());
  await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
  await writer.write('parts', [partRow('A', 2)]);
  const off = sinkOn(inject('postgresUrl'), { schema: store.schema });
  onTestFinished(() => off.close());
  const { removed } = await eraseRecord(off, 'A');
  expect(removed).toEqual({ parts: 1, parts_history: 2 });
  const left: string[] = [];
  for await (const { place, row } of off.find?.(datasetNamed('parts'), () => true) ?? [])
    left.push(`${place} ${row.key}`);
  expect(left.sort()).toEqual(['parts B', 'parts_history B']);
});

describe('the history', () => {
  const past = (store: PostgresStore, table = 'parts_history') =>
    store
      .query<{ text: string }>(
        `SELECT _key || ' ' || coalesce(to_jsonb(h)->>'name', to_jsonb(h)->>'quantity', '') || ' ' || _deleted AS text
         FROM ${table} h ORDER BY _key, _order`,
      )
      .then((rows) => rows.map(({ text }) => text));

  test('has every content that was accepted, in whatever order it came, and the tombstones', async () => {
    const store = await newStore({ history: true });
    const { writer } = await begin(store.connect());
    await writer.write('parts', [partRow('A', 1, 'one'), partRow('A', 2, 'two'), partRow('A', 5, 'one')]);
    await writer.write('parts', [partRow('A', 4, 'late'), partRow('B', 1, 'one')]);
    expect(await past(store)).toEqual(['A one false', 'A two false', 'A late false', 'A one false', 'B one false']);
    expect(await store.query('SELECT _key, name FROM parts ORDER BY _key')).toEqual([
      { _key: 'A', name: 'one' },
      { _key: 'B', name: 'one' },
    ]);
    await writer.write('thing_parts', [mergedRow('T', 1), mergedRow('T', 2, null), mergedRow('T', 3)]);
    expect(await past(store, 'thing_parts_history')).toEqual(['T 1 false', 'T  true', 'T 3 false']);
  });

  test('has a change once, although a person emptied the table and everything is written again', async () => {
    const store = await newStore({ history: true });
    const { writer } = await begin(store.connect());
    await writer.write('parts', [partRow('A', 1, 'one'), partRow('A', 2, 'two'), partRow('B', 1, 'one')]);
    await writer.write('thing_parts', [mergedRow('T', 1), mergedRow('T', 2, null)]);
    await writer.close();
    await store.query('TRUNCATE parts, thing_parts, thing_parts_tombstones');
    const { writer: heir } = await begin(store.connect(), 'writer-2');
    const { order, messageId } = partRow('A', 12);
    // Unchanged under a later message, changed, and back again.
    await heir.write('parts', [{ ...partRow('A', 2, 'two'), order, messageId }, partRow('B', 11, 'another')]);
    await heir.write('thing_parts', [mergedRow('T', 3)]);
    expect(await past(store)).toEqual(['A one false', 'A two false', 'B one false', 'B another false']);
    expect(await past(store, 'thing_parts_history')).toEqual(['T 1 false', 'T  true', 'T 3 false']);
    expect(await store.query('SELECT _key, name FROM parts ORDER BY _key')).toEqual([
      { _key: 'A', name: 'two' },
      { _key: 'B', name: 'another' },
    ]);
  });

  test('has a change once, although what a dead writer had landed is written again by its heir', async () => {
    const store = await newStore({ history: true });
    const { sink, writer } = await begin(store.connect());
    const rows = [partRow('A', 1, 'one'), partRow('A', 2, 'two')];
    await writer.write('parts', rows);
    const landed = await sink.takeOver('writer-1');
    const { writer: heir } = await begin(store.connect(), 'writer-2');
    // The very messages again, and then another one with the content that was the newest.
    await heir.write(
      'parts',
      rows.filter((row) => !landed.has(row)),
    );
    const again = partRow('A', 2, 'two');
    await heir.write('parts', [{ ...again, order: partRow('A', 3).order, messageId: partRow('A', 3).messageId }]);
    expect(await past(store)).toEqual(['A one false', 'A two false']);
  });

  test('has a change once, although it is written again under a later message when others have landed behind it', async () => {
    const store = await newStore({ history: true });
    const { sink, writer } = await begin(store.connect());
    const as = (row: Row, number: number): Row => {
      const { order, messageId } = partRow('A', number);
      return { ...row, order, messageId };
    };
    const [a, b] = [partRow('A', 10, 'a'), partRow('A', 20, 'b')];
    await writer.write('parts', [a, b]);
    await sink.takeOver('writer-1');
    const { writer: heir } = await begin(store.connect(), 'writer-2');
    await heir.write('parts', [as(a, 15)]);
    expect(await past(store)).toEqual(['A a false', 'A b false']);
    // Under an earlier message than the one that landed, too, and all at once in any order.
    await heir.write('parts', [as(a, 5)]);
    await heir.write('parts', [as(b, 25), as(a, 16), as(b, 18), as(a, 7)]);
    expect(await past(store)).toEqual(['A a false', 'A b false']);
    // Another content between them is a change.
    await heir.write('parts', [as(partRow('A', 12, 'c'), 12)]);
    expect(await past(store)).toEqual(['A a false', 'A c false', 'A b false']);
    expect(await store.query('SELECT name FROM parts')).toEqual([{ name: 'b' }]);
  });

  test('is written by two writers that meet new and known keys in turns, without a deadlock', async () => {
    const store = await newStore({ history: true });
    const { sink, writer } = await begin(store.connect());
    const [{ writer: second }, { writer: third }] = [
      await begin(store.connect(), 'writer-2'),
      await begin(store.connect(), 'writer-3'),
    ];
    const gate = async (key: string) => {
      const client = new Client({ connectionString: inject('postgresUrl') });
      await client.connect();
      onTestFinished(() => client.end());
      await client.query('BEGIN');
      const values = `'${key}', 'h', '', 'm', '0', now()`;
      const names = '_key, _hash, _version, _message_id, _order, _written_at';
      await client.query(`INSERT INTO ${store.schema}.parts (${names}) VALUES (${values})`);
      return () => client.query('ROLLBACK');
    };
    const waiting = (count: number) =>
      vi.waitFor(async () => {
        const query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1";
        expect(await store.query(query, [`%${store.schema}%`])).toHaveLength(count);
      }, 30_000);
    const [openFirst, openSecond] = [await gate('0'), await gate('00')];
    // It has seen that A and Z are new, and waits. Then Z is there.
    const write = second.write(
      'parts',
      ['0', 'A', 'Z'].map((key) => partRow(key, 2)),
    );
    await waiting(1);
    await third.write('parts', [partRow('Z', 1)]);
    const meanwhile = writer.write(
      'parts',
      ['00', 'A', 'Z'].map((key) => partRow(key, 3)),
    );
    await waiting(2);
    await openFirst();
    // It is done at once, or waits for Z.
    await Promise.race([write, sleep(1_000)]);
    await openSecond();
    const started = Date.now();
    await Promise.all([write, meanwhile]);
    // A server finds a deadlock after a second (deadlock_timeout).
    expect(Date.now() - started).toBeLessThan(900);
    expect(await keys(sink)).toEqual(['0', '00', 'A', 'Z']);
    expect(await past(store)).toEqual([
      '0 content 2 false',
      '00 content 3 false',
      'A content 2 false',
      'A content 3 false',
      'Z content 1 false',
      'Z content 2 false',
      'Z content 3 false',
    ]);
  });

  test('has a change back to what was there, although what lay between comes only later', async () => {
    const store = await newStore({ history: true });
    const { writer } = await begin(store.connect());
    const [one, between, back] = [partRow('A', 1, 'one'), partRow('A', 2, 'two'), partRow('A', 3)];
    await writer.write('parts', [one, partRow('B', 1, 'one')]);
    await writer.write('parts', [{ ...one, order: back.order, messageId: back.messageId }]);
    expect(await past(store)).toEqual(['A one false', 'B one false']);
    await writer.write('parts', [between, partRow('B', 2, 'two')]);
    expect(await past(store)).toEqual(['A one false', 'A two false', 'A one false', 'B one false', 'B two false']);

    const closed = (revision: number) => mergedRow('T', revision, null);
    await writer.write('thing_parts', [mergedRow('T', 1), closed(2)]);
    await writer.write('thing_parts', [closed(4)]);
    await writer.write('thing_parts', [mergedRow('T', 3)]);
    expect(await past(store, 'thing_parts_history')).toEqual(['T 1 false', 'T  true', 'T 3 false', 'T  true']);
  });

  test('has a change back to what was there, although what lay between is only being committed as it is written', async () => {
    const store = await newStore({ history: true });
    const { writer } = await begin(store.connect());
    const [one, two, three] = [partRow('A', 1, 'one'), partRow('A', 2, 'two'), partRow('A', 3)];
    await writer.write('parts', [one]);
    const between = new Client({ connectionString: inject('postgresUrl') });
    await between.connect();
    onTestFinished(() => between.end());
    // As another writer does it: the row, and its history.
    await between.query('BEGIN');
    const update = `UPDATE ${store.schema}.parts SET name = 'two', _hash = $1, _order = $2, _message_id = $3`;
    await between.query(update, [two.hash, two.order, two.messageId]);
    const names = 'sku, revision, name, _key, _hash, _version, _message_id, _order, _written_at';
    const past = `INSERT INTO ${store.schema}.parts_history (${names}, _deleted) SELECT ${names}, false FROM ${store.schema}.parts`;
    await between.query(past);
    const back = writer.write('parts', [{ ...one, order: three.order, messageId: three.messageId }]);
    await vi.waitFor(async () => {
      const query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1";
      expect(await store.query(query, [`%${store.schema}%`])).toHaveLength(1);
    }, 30_000);
    await between.query('COMMIT');
    await back;
    const messages = await store.query('SELECT _message_id FROM parts_history ORDER BY _order');
    expect(messages).toEqual([one, two, three].map(({ messageId }) => ({ _message_id: messageId })));
  });
});

describe('a table that another program has locked', () => {
  test('fails a write soon, with words, takes no connection more than its bound, and takes the rows afterwards', async () => {
    const store = await newStore();
    const { sink, writer } = await begin(sinkOn(inject('postgresUrl'), { schema: store.schema }));
    const backends = async () => {
      const [found] = await store.query<{ count: number }>(
        "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'tributary consumer' AND query LIKE $1",
        [`%${store.schema}%`],
      );
      return found?.count ?? 0;
    };
    const locker = new Client({ connectionString: inject('postgresUrl') });
    await locker.connect();
    onTestFinished(() => locker.end());
    await locker.query(`BEGIN; LOCK TABLE ${store.schema}.parts`);
    const began = Date.now();
    const outcomes = Promise.allSettled(
      Array.from({ length: 20 }, (_, number) => writer.write('parts', [partRow(`key ${number}`, 1)])),
    );
    await vi.waitFor(async () => expect(await backends()).toBe(8), 30_000);
    const reasons = (await outcomes).map((one) => (one.status === 'rejected' ? describeError(one.reason) : ''));
    expect(Date.now() - began).toBeLessThan(9_500);
    expect(reasons.filter((reason) => /lock timeout .*another session has locked/.test(reason))).toHaveLength(8);
    expect(reasons.filter((reason) => /all 8 connections of this consumer are busy/.test(reason))).toHaveLength(12);
    const blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1";
    expect(await store.query(blocked, [`%${store.schema}%`])).toEqual([]);
    expect(await backends()).toBeLessThanOrEqual(8);
    await locker.query('COMMIT');
    await writer.write('parts', [partRow('A', 1)]);
    expect(await keys(sink)).toEqual(['A']);
  });
});

describe('a connection that breaks', () => {
  const throughProxy = async (settings: { hangTimeout?: number } = {}) => {
    const store = await newStore({ history: true });
    const proxy = await startPostgresProxy(inject('postgresUrl'));
    onTestFinished(() => proxy.close());
    const { sink, writer } = await begin(sinkOn(proxy.url, { schema: store.schema, history: true, ...settings }));
    const { sink: other, writer: otherWriter } = await begin(store.connect(), 'writer-2');
    const waiting = () =>
      vi.waitFor(async () => {
        const query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1";
        expect(await store.query(query, [`%${store.schema}%`])).toHaveLength(1);
      }, 30_000);
    const history = () => store.query<{ _key: string }>('SELECT _key FROM parts_history');
    return { proxy, sink, writer, other, otherWriter, waiting, history };
  };

  test('after the COMMIT and before its answer fails the write, which can be repeated and leaves each row once', async () => {
    const { proxy, writer, other, history } = await throughProxy();
    proxy.atCommit('lose answer');
    const write = writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
    await expect(write).rejects.toBeInstanceOf(RetryableError);
    expect(await keys(other)).toEqual(['A', 'B']);
    proxy.atCommit('pass');
    await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
    expect(await keys(other)).toEqual(['A', 'B']);
    expect(await history()).toHaveLength(2);
  });

  test('before the COMMIT leaves nothing of the write', async () => {
    const { proxy, writer, other, history } = await throughProxy();
    proxy.atCommit('cut');
    await expect(writer.write('parts', [partRow('A', 1)])).rejects.toBeInstanceOf(RetryableError);
    expect(await keys(other)).toEqual([]);
    expect(await history()).toEqual([]);
  });

  test.each([
    ['a fence', (sink: Sink) => sink.takeOver('writer-1')],
    ['an epoch', (sink: Sink) => sink.beginEpoch('sink.run.2')],
  ])('or is only slow at its COMMIT is waited for by %s, and what it writes is seen', async (_what, fence) => {
    const { proxy, writer, other, waiting } = await throughProxy();
    proxy.atCommit('hold');
    const write = writer.write('parts', [partRow('A', 1)]);
    await proxy.held();
    let up = false;
    const fencing = fence(other).then(() => {
      up = true;
    });
    await waiting();
    expect(up).toBe(false);
    proxy.letGo();
    await write;
    await fencing;
    expect(await keys(other)).toEqual(['A']);
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toBeInstanceOf(WriterLost);
  });

  test('or is only slow while a writer begins is waited for by an epoch, which ends that writer too', async () => {
    const { proxy, sink, other, waiting } = await throughProxy();
    proxy.atCommit('hold');
    const opening = sink.open('writer-3', EPOCH);
    await proxy.held();
    const beginning = other.beginEpoch('sink.run.2');
    await waiting();
    proxy.letGo();
    await beginning;
    const late = await opening;
    await expect(late.write('parts', [partRow('A', 1)])).rejects.toBeInstanceOf(WriterLost);
    expect(await keys(other)).toEqual([]);
  });

  test.each([
    ['a tombstone', 'an older content', mergedRow('T/A', 2, null), mergedRow('T/A', 1)],
    ['a content', 'a newer tombstone', mergedRow('T/A', 1), mergedRow('T/A', 2, null)],
    ['a content', 'an older tombstone', mergedRow('T/A', 2), mergedRow('T/A', 1, null)],
  ])(
    'or is only slow at the COMMIT of %s is waited for by %s, and the newer stays',
    async (_one, _two, first, second) => {
      const { proxy, writer, other, otherWriter, waiting } = await throughProxy();
      proxy.atCommit('hold');
      const write = writer.write('thing_parts', [first]);
      await proxy.held();
      const meanwhile = otherWriter.write('thing_parts', [second]);
      await waiting();
      proxy.letGo();
      await Promise.all([write, meanwhile]);
      const newer = first.order > second.order ? first : second;
      const { messageId, values } = newer;
      expect(await scanned(other, 'thing_parts')).toMatchObject([{ key: 'T/A', messageId, deleted: values === null }]);
    },
  );

  test('by hanging in the middle of a write does not hold up its heir for ever', async () => {
    const { proxy, writer, other } = await throughProxy({ hangTimeout: 300 });
    proxy.atCommit('hold');
    const write = writer.write('parts', [partRow('A', 1)]).catch((error: unknown) => error);
    await proxy.held();
    await other.takeOver('writer-1');
    expect(await keys(other)).toEqual([]);
    proxy.letGo();
    expect(await write).toBeInstanceOf(RetryableError);
    await expect(writer.write('parts', [partRow('A', 1)])).rejects.toBeInstanceOf(WriterLost);
    expect(await keys(other)).toEqual([]);
  });
});

describe('a server', () => {
  test('that is killed and comes back has what was durable, and the same writer goes on', async () => {
    const store = await newStore({}, server.url);
    const { sink, writer } = await begin(store.connect());
    await writer.write('parts', [partRow('A', 1)]);
    await server.down();
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toBeInstanceOf(RetryableError);
    await expect(sink.probe()).rejects.toBeInstanceOf(RetryableError);
    await server.up();
    // The first may still be given a connection that died with the server.
    await vi.waitFor(() => sink.probe(), 30_000);
    await writer.write('parts', [partRow('B', 1)]);
    expect(await keys(sink)).toEqual(['A', 'B']);
  });

  describe('with users of its own', () => {
    let admin: Client;
    let user: string;
    beforeEach(async () => {
      admin = new Client({ connectionString: server.url });
      await admin.connect();
      onTestFinished(() => admin.end());
      user = uniqueName('user');
      await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'geheim'`);
    });
    const urlOf = (change: (url: URL) => void = () => {}) => {
      const url = new URL(server.url);
      url.username = user;
      url.password = 'geheim';
      change(url);
      return url.toString();
    };

    test('needs to let them create only once', async () => {
      const store = await newStore({}, server.url);
      await store.connect().probe();
      const limited = sinkOn(urlOf(), { schema: store.schema });
      onTestFinished(() => limited.close());
      await expect(limited.probe()).rejects.toThrow(/permission denied .*grant its user what it lacks/);
      await admin.query(`GRANT USAGE ON SCHEMA ${store.schema} TO ${user}`);
      await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${store.schema} TO ${user}`);
      const { writer } = await begin(limited);
      await writer.write('parts', [partRow('A', 1)]);
      expect(await keys(limited)).toEqual(['A']);
    });

    test('may have settings that would break the promise: a write is durable and times are what they were', async () => {
      const settings = [
        "synchronous_commit = 'off'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = 'on'",
        "timezone = 'Asia/Kathmandu'",
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
      ];
      const store = await newStore({}, server.url);
      await store.connect().probe();
      for (const setting of settings) await admin.query(`ALTER ROLE ${user} SET ${setting}`);
      await admin.query(`ALTER ROLE ${user} SUPERUSER`);
      await store.query("ALTER TABLE things ADD CHECK (current_setting('synchronous_commit') <> 'off')");
      await store.query("ALTER TABLE things ADD CHECK (current_setting('transaction_isolation') = 'read committed')");
      const sink = sinkOn(urlOf(), { schema: store.schema });
      const { writer } = await begin(sink);
      const values = { time: '2025-06-01T10:00:00.123456Z', day: '2025-02-01', at: '0001-01-01T00:00:00.000Z' };
      await writer.write('things', [{ ...partRow('A', 1), dataset: 'things', values }]);
      expect(await scanned(sink, 'things')).toMatchObject([{ key: 'A', values }]);
    });

    test('may be full: the error says so, where, and what to do, but never the password', async () => {
      const full = uniqueName('full');
      await admin.query(`CREATE ROLE ${full} LOGIN CONNECTION LIMIT 0`);
      const change = (part: 'username' | 'pathname' | 'port', value: string) =>
        urlOf((url) => {
          url[part] = value;
        });
      const failures: [string, RegExp][] = [
        [change('username', full), /too many connections .*raise its max_connections/],
        [change('pathname', '/nothing'), /"nothing" does not exist .*create that database/],
        [change('port', '1'), /ECONNREFUSED/],
      ];
      for (const [url, expected] of failures) {
        const sink = sinkOn(url);
        onTestFinished(() => sink.close());
        const error = await sink.probe().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(RetryableError);
        expect(describeError(error)).toMatch(expected);
        expect(describeError(error)).toContain(`Postgres at postgres://${new URL(url).host}/`);
        expect(inspect(error, { depth: 10 })).not.toContain('geheim');
      }
    });

    test('must keep its texts in UTF-8, which is told at once', async () => {
      const database = uniqueName('latin');
      await admin.query(`CREATE DATABASE ${database} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
      const url = new URL(server.url);
      url.pathname = `/${database}`;
      const sink = sinkOn(url.toString());
      onTestFinished(() => sink.close());
      await expect(sink.probe()).rejects.toThrow("LATIN1, which cannot hold every text: make one with ENCODING 'UTF8'");
    });
  });
});

test('the sink is the one that the pipeline names, and Postgres needs a URL that is one', () => {
  const config = pipeline();
  const postgres = { ...config, sink: { ...config.sink, type: 'postgres' as const } };
  const create = (postgresUrl: string | undefined) => () =>
    createSink({ config: postgres, postgresUrl, clock: systemClock });
  expect(create(undefined)).toThrow('set POSTGRES_URL');
  expect(create('')).toThrow('set POSTGRES_URL');
  expect(create('user:geheim@host/database')).toThrow('is not a URL such as postgres://');
  expect(create('user:geheim@host/database')).not.toThrow('geheim');
  expect(create('http://host/database')).toThrow(FatalError);
});
