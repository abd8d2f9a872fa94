import { type Row, systemClock } from '@tributary/shared';
import { Client } from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { createSink } from '../../consumer/src/sinks/create.js';
import { partRow, pipeline } from '../../consumer/test/sinks/records.js';
import { uniqueName } from '../services/handle.js';
import { postgresStore } from './postgres-store.js';

const EPOCH = 'sink.run.1';

/** A writer onto a new store. Its tables belong to another role than that of the writer, as row level security wants it. */
async function begin() {
  const store = await postgresStore(inject('postgresUrl'), { history: true });
  const owner = store.connect();
  await owner.probe();
  await owner.close();
  const role = uniqueName('role');
  const admin = new Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'geheim'; GRANT USAGE ON SCHEMA ${store.schema} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${store.schema} TO ${role}`);
  const url = new URL(inject('postgresUrl'));
  url.username = role;
  url.password = 'geheim';
  const config = pipeline();
  const postgres = { history: true, deletes: 'remove' as const, schema: store.schema };
  const sink = createSink({
    config: { ...config, sink: { ...config.sink, type: 'postgres', postgres } },
    postgresUrl: url.toString(),
    clock: systemClock,
  });
  onTestFinished(async () => {
    await sink.close();
    await store.remove();
    await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await admin.end();
  });
  await sink.beginEpoch(EPOCH);
  return { store, sink, role, admin, writer: await sink.open('writer-1', EPOCH) };
}

const closed = (key: string, content: number): Row => ({ ...partRow(key, content), values: null });

const leaveOut = (when: string, table: string) =>
  `CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
   CREATE TRIGGER theirs BEFORE ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION theirs()`;

describe('what takes no effect, because another person has added it to the tables, never counts as written:', () => {
  const kept = /did not keep it: a trigger or a rule/;
  test.each([
    ['a trigger that leaves out changes', leaveOut('UPDATE', 'parts'), partRow('A', 2), kept],
    [
      'a trigger that leaves out deletions',
      leaveOut('DELETE', 'parts'),
      closed('A', 2),
      /did not remove the row of a deleted record/,
    ],
    [
      'a rule that leaves out deletions',
      'CREATE RULE theirs AS ON DELETE TO parts DO INSTEAD NOTHING',
      closed('A', 2),
      /DO INSTEAD NOTHING/,
    ],
    [
      'a rule that leaves out rows',
      'CREATE RULE theirs AS ON INSERT TO parts DO INSTEAD NOTHING',
      partRow('A', 2),
      kept,
    ],
    ['a trigger that leaves out tombstones', leaveOut('INSERT', 'parts_tombstones'), closed('A', 2), kept],
    ['a trigger that leaves out what the history keeps', leaveOut('INSERT', 'parts_history'), partRow('A', 2), kept],
  ] as const)('%s', async (_what, statement, row, words) => {
    const { store, writer } = await begin();
    await writer.write('parts', [partRow('A', 1)]);
    await store.query(statement);
    const failure = await writer.write('parts', [row]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toMatch(words);
    const all = 'SELECT name, (SELECT count(*)::int FROM parts_tombstones) AS tombstones FROM parts';
    expect(await store.query(all)).toEqual([{ name: 'content 1', tombstones: 0 }]);
  });
});

describe('row level security', () => {
  const words = /row level security may hide rows of \S*parts from the user of POSTGRES_URL.*BYPASSRLS/;
  const enable = 'ALTER TABLE parts ENABLE ROW LEVEL SECURITY;';

  test.each([
    ['hides all rows', enable],
    ['hides some rows', `${enable} CREATE POLICY theirs ON parts USING (_key <> 'A') WITH CHECK (true)`],
    [
      'hides other rows than that of the write',
      `${enable} CREATE POLICY theirs ON parts USING (_key <> 'B') WITH CHECK (true)`,
    ],
    [
      'hides rows from deletions alone',
      `${enable} CREATE POLICY a ON parts FOR SELECT USING (true); CREATE POLICY b ON parts FOR INSERT WITH CHECK (true);
       CREATE POLICY c ON parts FOR UPDATE USING (true)`,
    ],
    [
      'hides rows by a restrictive policy',
      `${enable} CREATE POLICY a ON parts USING (true); CREATE POLICY b ON parts AS RESTRICTIVE USING (_key <> 'A')`,
    ],
  ])(
    'that %s is told, takes nothing for lost, and buries no record; all goes on when it is gone',
    async (_what, statement) => {
      const { store, sink, writer } = await begin();
      await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
      const { marks } = await sink.inspect({});
      await store.query(statement);
      await expect(writer.write('parts', [closed('A', 2)])).rejects.toThrow(words);
      await expect(writer.write('parts', [partRow('A', 2)])).rejects.toThrow(words);
      await expect(sink.inspect(marks)).rejects.toThrow(words);
      await store.query('ALTER TABLE parts DISABLE ROW LEVEL SECURITY');
      await writer.write('parts', [closed('A', 2)]);
      expect(await store.query('SELECT _key FROM parts')).toEqual([{ _key: 'B' }]);
      expect((await sink.inspect(marks)).lost).toBeUndefined();
    },
  );

  test('that shows all rows, and refuses some new ones, refuses these alone', async () => {
    const { store, writer } = await begin();
    await store.query(`${enable} CREATE POLICY a ON parts USING (true) WITH CHECK (name <> 'bad')`);
    const written = writer.write('parts', [partRow('A', 1), partRow('B', 1, 'bad'), partRow('C', 1)]);
    await expect(written).rejects.toMatchObject({ refusals: [{ row: { key: 'B' } }] });
    expect(await store.query('SELECT _key FROM parts ORDER BY _key')).toEqual([{ _key: 'A' }, { _key: 'C' }]);
  });
});

test('a column that was narrowed, so that it rounds what is written without an error, is noticed and named', async () => {
  const store = await postgresStore(inject('postgresUrl'));
  const config = pipeline(`
entities:
  part: { dataset: parts, queue: part_data, key: sku, fields: { sku: string, price: decimal? } }
endpoints: {}
`);
  const sink = store.connect(config);
  onTestFinished(async () => {
    await sink.close();
    await store.remove();
  });
  await sink.beginEpoch(EPOCH);
  const writer = await sink.open('writer-1', EPOCH);
  await writer.write('parts', [{ ...partRow('A', 1), values: { sku: 'A', price: '1.005' } }]);
  const { marks } = await sink.inspect({});
  await store.query('ALTER TABLE parts ALTER price TYPE numeric(10, 2)');
  expect((await sink.inspect(marks)).lost).toMatch(
    /column "price" of table .* was dropped, renamed, or given another type/,
  );
  await expect(sink.probe()).rejects.toThrow(
    /column "price" of type numeric\(10,2\), and the pipeline asks for numeric/,
  );
});
