import { type Row, tombstoneHash } from '@tributary/shared';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { nameOfForms } from '../../consumer/src/recovery/forms.js';
import type { Sink } from '../../consumer/src/sinks/port.js';
import type { TableSettings } from '../../consumer/src/sinks/postgres/tables.js';
import { WriterLost } from '../../consumer/src/writer-lost.js';
import { datasetNamed, mergedRow, PIPELINE, partRow, pipeline } from '../../consumer/test/sinks/records.js';
import { type PostgresStore, postgresStore } from './postgres-store.js';
import { WholePath } from './whole-path.js';

type Deletes = TableSettings['deletes'];

/** A store whose consumers may have other settings, one after the other, each in an epoch of its own. */
class Stage {
  readonly store: PostgresStore;
  readonly #history: boolean;
  #epochs = 0;

  private constructor(store: PostgresStore, history: boolean) {
    this.store = store;
    this.#history = history;
  }

  static async begin(history = false): Promise<Stage> {
    const store = await postgresStore(inject('postgresUrl'));
    onTestFinished(() => store.remove());
    return new Stage(store, history);
  }

  connect(deletes: Deletes, yaml = PIPELINE): Sink {
    const config = pipeline(yaml);
    const postgres = { schema: this.store.schema, history: this.#history, deletes };
    const sink = this.store.connect({ ...config, sink: { ...config.sink, type: 'postgres', postgres } });
    onTestFinished(() => sink.close());
    return sink;
  }

  /** A consumer that begins a new epoch. */
  async consumer(deletes: Deletes, yaml = PIPELINE) {
    const sink = this.connect(deletes, yaml);
    this.#epochs += 1;
    await sink.beginEpoch(`sink.run.${this.#epochs}`);
    await sink.prepare?.(`sink.run.${this.#epochs}`);
    return { sink, writer: await sink.open(`writer-${this.#epochs}`, `sink.run.${this.#epochs}`) };
  }

  /** A consumer in the epoch of another, which it never is: as one of an earlier version that knows nothing of the setting. */
  async stranger() {
    return await this.connect('remove').open('stranger', `sink.run.${this.#epochs}`);
  }

  parts(): Promise<object[]> {
    return this.store.query('SELECT _key, name, revision::int, _deleted FROM parts ORDER BY _key');
  }
}

/** As a record's tombstone is. */
const closed = (sku: string, number: number): Row => ({
  ...partRow(sku, number),
  hash: tombstoneHash('part', sku, String(number)),
  values: null,
});

const part = (sku: string, number: number, deleted = false) => ({
  _key: sku,
  name: `content ${number}`,
  revision: number,
  _deleted: deleted,
});

async function stateOf(sink: Sink, dataset = 'parts'): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, version, deleted } of sink.scan(datasetNamed(dataset)))
    found.push(`${key} ${version}${deleted ? ' deleted' : ''}`);
  return found.sort();
}

test('a deleted row stays as it was, marked, and is not read as one that is there; the record that comes back clears the mark', async () => {
  const stage = await Stage.begin(true);
  const { sink, writer } = await stage.consumer('keep');
  await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
  await writer.write('parts', [closed('A', 2)]);
  expect(await stage.parts()).toEqual([part('A', 1, true), part('B', 1)]);
  const [deleted] =
    await stage.store.query<object>(`SELECT p._version, p._order = t._order AS same, p._hash = t._hash AS hash
    FROM parts p JOIN parts_tombstones t USING (_key)`);
  expect(deleted).toEqual({ _version: '2', same: true, hash: true });
  expect(await stateOf(sink)).toEqual(['A 2 deleted', 'B 1']);
  // What comes again, or late, changes nothing.
  await writer.write('parts', [closed('A', 2), partRow('A', 1)]);
  expect(await stage.parts()).toEqual([part('A', 1, true), part('B', 1)]);

  await writer.write('parts', [partRow('A', 3)]);
  expect(await stage.parts()).toEqual([part('A', 3), part('B', 1)]);
  expect(await stage.store.query('SELECT FROM parts_tombstones')).toEqual([]);
  expect(await stateOf(sink)).toEqual(['A 3', 'B 1']);
  const past = 'SELECT name, _deleted FROM parts_history WHERE _key = $1 ORDER BY _order';
  expect(await stage.store.query(past, ['A'])).toEqual([
    { name: 'content 1', _deleted: false },
    { name: null, _deleted: true },
    { name: 'content 3', _deleted: false },
  ]);
});

test('nothing is kept of a record of which nothing was there, and an older state that comes late is kept as deleted', async () => {
  const stage = await Stage.begin();
  const { sink, writer } = await stage.consumer('keep');
  await writer.write('parts', [closed('A', 2)]);
  expect(await stage.parts()).toEqual([]);
  await writer.write('parts', [partRow('A', 1)]);
  expect(await stage.parts()).toEqual([part('A', 1, true)]);
  expect(await stateOf(sink)).toEqual(['A 2 deleted']);
});

test('a record and its tombstone in one write, and a merged row that is closed, stay as well', async () => {
  const stage = await Stage.begin();
  const { sink, writer } = await stage.consumer('keep');
  await writer.write('parts', [partRow('A', 1), closed('A', 2)]);
  await writer.write('thing_parts', [mergedRow('T/A', 1), mergedRow('T/B', 1)]);
  await writer.write('thing_parts', [mergedRow('T/A', 2, null)]);
  // Only the newest of a key is written.
  expect(await stage.parts()).toEqual([]);
  const merged = 'SELECT _key, quantity::int, _deleted FROM thing_parts ORDER BY _key';
  expect(await stage.store.query(merged)).toEqual([
    { _key: 'T/A', quantity: 1, _deleted: true },
    { _key: 'T/B', quantity: 1, _deleted: false },
  ]);
  expect(await stateOf(sink, 'thing_parts')).toHaveLength(2);
  await writer.write('thing_parts', [mergedRow('T/A', 3)]);
  expect(await stage.store.query(merged)).toEqual([
    { _key: 'T/A', quantity: 3, _deleted: false },
    { _key: 'T/B', quantity: 1, _deleted: false },
  ]);
});

test('a deleted row keeps what an earlier configuration wrote, until the record comes back', async () => {
  const stage = await Stage.begin();
  const { writer } = await stage.consumer('keep');
  await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
  const { writer: next } = await stage.consumer('keep', PIPELINE.replace('name: string?', 'colour: string?'));
  const values = { sku: 'B', revision: 3, colour: 'red' };
  await next.write('parts', [closed('A', 2), closed('B', 2)]);
  expect(await stage.parts()).toEqual([part('A', 1, true), part('B', 1, true)]);
  await next.write('parts', [{ ...partRow('B', 3), values }]);
  expect(await stage.parts()).toEqual([part('A', 1, true), { _key: 'B', name: null, revision: 3, _deleted: false }]);
});

test('the setting may be changed with rows there: earlier rows get the column, and deleted rows go when they are to be removed', async () => {
  const stage = await Stage.begin();
  const { writer: first } = await stage.consumer('remove');
  await first.write('parts', [partRow('A', 1), partRow('B', 1), partRow('C', 1), partRow('D', 1)]);
  await first.write('parts', [closed('A', 2)]);

  const { sink, writer: second } = await stage.consumer('keep');
  await expect(first.write('parts', [closed('B', 2)])).rejects.toThrow(/epoch/);
  await second.write('parts', [closed('B', 2), closed('D', 2)]);
  // Of A nothing was left.
  expect(await stage.parts()).toEqual([part('B', 1, true), part('C', 1), part('D', 1, true)]);
  expect(await stateOf(sink)).toEqual(['A 2 deleted', 'B 2 deleted', 'C 1', 'D 2 deleted']);

  const { sink: last, writer: third } = await stage.consumer('remove');
  expect(await stage.parts()).toEqual([part('C', 1)]);
  expect(await stateOf(last)).toEqual(['A 2 deleted', 'B 2 deleted', 'C 1', 'D 2 deleted']);
  await third.write('parts', [partRow('B', 3), partRow('E', 1), closed('C', 2)]);
  expect(await stage.parts()).toEqual([part('B', 3), part('E', 1)]);

  const { sink: again } = await stage.consumer('keep');
  expect(await stage.parts()).toEqual([part('B', 3), part('E', 1)]);
  expect(await stateOf(again)).toEqual(['A 2 deleted', 'B 3', 'C 2 deleted', 'D 2 deleted', 'E 1']);
});

test('what the setting will remove is told before, and nothing is removed by telling it', async () => {
  const { stage } = await withDeleted();
  const toldBy = async (deletes: Deletes) => (await stage.connect(deletes).stored()).more;
  expect(await toldBy('keep')).toEqual([]);
  expect(await toldBy('remove')).toEqual([expect.stringMatching(/^parts holds 2 rows of deleted records/)]);
  expect(await stage.parts()).toEqual(AS_IT_WAS);
});

test('consumers of both settings never write side by side, and a change of the setting makes no row anew', () => {
  const nameOf = (type: 'csv' | 'postgres', deletes: Deletes) => {
    const config = pipeline();
    const postgres = { ...config.sink.postgres, deletes };
    return nameOfForms({ ...config, sink: { ...config.sink, type, postgres } });
  };
  expect(nameOf('postgres', 'keep')).not.toBe(nameOf('postgres', 'remove'));
  expect(nameOf('postgres', 'keep').replace(/^(f\d+)k-/, '$1-')).toBe(nameOf('postgres', 'remove'));
  // The consumers of earlier versions, which know no such setting, work as before beside those that remove.
  expect(nameOf('csv', 'keep')).toBe(nameOf('postgres', 'remove'));
});

/** A and B are deleted, C is not. */
async function withDeleted() {
  const stage = await Stage.begin();
  const { sink, writer } = await stage.consumer('keep');
  await writer.write('parts', [partRow('A', 1), partRow('B', 1), partRow('C', 1)]);
  await writer.write('parts', [closed('A', 2), closed('B', 2)]);
  return { stage, sink, writer };
}

const AS_IT_WAS = [part('A', 1, true), part('B', 1, true), part('C', 1)];

test('a consumer of an earlier version that wrote over deleted rows leaves none marked that is there', async () => {
  const { stage } = await withDeleted();
  const stranger = await stage.stranger();
  await stranger.write('parts', [partRow('A', 3), closed('C', 2)]);
  expect(await stage.parts()).toEqual([part('A', 3, true), part('B', 1, true)]);
  const { sink } = await stage.consumer('keep');
  expect(await stage.parts()).toEqual([part('A', 3), part('B', 1, true)]);
  expect(await stateOf(sink)).toEqual(['A 3', 'B 2 deleted', 'C 2 deleted']);
});

test('so it is where the setting is gone again', async () => {
  const { stage } = await withDeleted();
  const stranger = await stage.stranger();
  await stranger.write('parts', [partRow('A', 3)]);
  await stage.consumer('remove');
  expect(await stage.parts()).toEqual([part('A', 3), part('C', 1)]);
});

test.each([
  ['drops the column', 'ALTER TABLE parts DROP COLUMN _deleted', AS_IT_WAS],
  ['clears the marks', 'UPDATE parts SET _deleted = false', AS_IT_WAS],
  ['marks everything', 'UPDATE parts SET _deleted = true', AS_IT_WAS],
  ['takes its default and its NOT NULL away', unfenced('UPDATE parts SET _deleted = NULL'), AS_IT_WAS],
  ['empties the tombstones', 'TRUNCATE parts_tombstones', AS_IT_WAS],
  ['removes the comment', 'COMMENT ON COLUMN parts._deleted IS NULL', AS_IT_WAS],
  ['deletes the deleted rows', 'DELETE FROM parts WHERE _deleted', [part('C', 1)]],
])('a person who %s changes nothing of what counts as deleted from the next epoch on', async (_, statement, rows) => {
  const { stage } = await withDeleted();
  await stage.store.query(statement);
  const { sink, writer } = await stage.consumer('keep');
  expect(await stage.parts()).toEqual(rows);
  expect(await stateOf(sink)).toEqual(['A 2 deleted', 'B 2 deleted', 'C 1']);
  await writer.write('parts', [partRow('A', 1), partRow('B', 3), closed('C', 2)]);
  expect(await stateOf(sink)).toEqual(['A 2 deleted', 'B 3', 'C 2 deleted']);
});

function unfenced(statement: string): string {
  return `ALTER TABLE parts ALTER COLUMN _deleted DROP NOT NULL, ALTER COLUMN _deleted DROP DEFAULT; ${statement}`;
}

test('a column that is dropped under a writer is made again, and counts as lost, so that its marks are made again too', async () => {
  const { stage, sink, writer } = await withDeleted();
  const kept = (await sink.inspect({})).marks;
  await stage.store.query('ALTER TABLE parts DROP COLUMN _deleted');
  await expect(writer.write('parts', [closed('C', 2)])).rejects.toThrow(/_deleted/);
  await writer.write('parts', [closed('C', 2)]);
  expect((await sink.inspect(kept)).lost).toMatch(/_deleted/);
  await stage.consumer('keep');
  expect(await stage.parts()).toEqual([part('A', 1, true), part('B', 1, true), part('C', 1, true)]);
});

test('a column of that name that a person added is left alone where deleted rows are removed', async () => {
  const stage = await Stage.begin();
  const { writer } = await stage.consumer('remove');
  await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
  await stage.store.query('ALTER TABLE parts ADD COLUMN _deleted boolean; UPDATE parts SET _deleted = true');
  const { sink } = await stage.consumer('remove');
  expect(await stage.parts()).toEqual([part('A', 1, true), part('B', 1, true)]);
  expect(await stateOf(sink)).toEqual(['A 1', 'B 1']);
});

test('a column of that name of another type is told, with what to do', async () => {
  const stage = await Stage.begin();
  await stage.consumer('remove');
  await stage.store.query('ALTER TABLE parts ADD COLUMN _deleted timestamptz');
  await expect(stage.connect('keep').probe()).rejects.toThrow(
    /has a column "_deleted" of type timestamp .* asks for boolean/,
  );
});

test('a database that is put back to before a deletion, and to before the setting, is told, and keeps what is deleted again', async () => {
  const stage = await Stage.begin();
  const { writer: first } = await stage.consumer('remove');
  await first.write('parts', [partRow('A', 1), partRow('B', 1)]);
  await stage.store.query('CREATE TABLE backup AS TABLE parts');
  const { sink, writer } = await stage.consumer('keep');
  await writer.write('parts', [closed('A', 2)]);
  const kept = (await sink.inspect({})).marks;
  await stage.store.query(`DROP TABLE parts; ALTER TABLE backup RENAME TO parts; ALTER TABLE parts ADD PRIMARY KEY (_key);
    TRUNCATE parts_tombstones`);
  expect((await sink.inspect(kept)).lost).toMatch(/parts/);
  const { sink: next, writer: second } = await stage.consumer('keep');
  expect(await stage.parts()).toEqual([part('A', 1), part('B', 1)]);
  expect(await stateOf(next)).toEqual(['A 1', 'B 1']);
  await second.write('parts', [closed('A', 2)]);
  expect(await stage.parts()).toEqual([part('A', 1, true), part('B', 1)]);
});

test('thousands of deleted rows are removed when the setting goes, and a change that was interrupted is finished by the next epoch', async () => {
  const stage = await Stage.begin();
  const { writer } = await stage.consumer('keep');
  const skus = Array.from({ length: 11_000 }, (_, index) => `P${String(index).padStart(5, '0')}`);
  await writer.write(
    'parts',
    skus.map((sku) => partRow(sku, 1)),
  );
  await writer.write(
    'parts',
    skus.slice(0, -1).map((sku) => closed(sku, 2)),
  );
  await stage.store.query(`CREATE FUNCTION interrupt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF OLD._key = 'P07000' THEN RAISE EXCEPTION 'interrupted'; END IF; RETURN OLD; END $$;
    CREATE TRIGGER interrupted BEFORE DELETE ON parts FOR EACH ROW EXECUTE FUNCTION interrupt()`);
  await expect(stage.consumer('remove')).rejects.toThrow(/interrupted/);
  const count = 'SELECT count(*)::int AS n FROM parts';
  expect(await stage.store.query(count)).toEqual([{ n: 6_000 }]);
  await stage.store.query('DROP TRIGGER interrupted ON parts');
  const { sink } = await stage.consumer('remove');
  expect(await stage.store.query(count)).toEqual([{ n: 1 }]);
  expect(await stateOf(sink)).toHaveLength(11_000);
});

test('a consumer that would remove deleted rows, and wakes in a newer epoch that keeps them, removes none', async () => {
  const { stage, sink: first } = await withDeleted();
  const slow = stage.connect('remove');
  await slow.beginEpoch('sink.run.slow');
  const { writer } = await stage.consumer('keep');
  await expect(slow.prepare?.('sink.run.slow')).rejects.toThrow(WriterLost);
  expect(await stage.parts()).toEqual(AS_IT_WAS);
  await writer.write('parts', [closed('C', 2)]);
  expect(await stateOf(first)).toEqual(['A 2 deleted', 'B 2 deleted', 'C 2 deleted']);
});

test('a trigger that leaves out the removal of deleted rows is told, and no writer takes them for rows that are there', async () => {
  const { stage } = await withDeleted();
  await stage.store.query(`CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER theirs BEFORE DELETE ON parts FOR EACH ROW EXECUTE FUNCTION theirs()`);
  await expect(stage.consumer('remove')).rejects.toThrow(/did not remove the row of a deleted record/);
  await stage.store.query('DROP TRIGGER theirs ON parts');
  await stage.consumer('remove');
  expect(await stage.parts()).toEqual([part('C', 1)]);
});

test('a trigger that leaves out the mark is told, and the deletion does not count as written', async () => {
  const { stage, writer } = await withDeleted();
  await stage.store.query(`CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER theirs BEFORE UPDATE ON parts FOR EACH ROW EXECUTE FUNCTION theirs()`);
  await expect(writer.write('parts', [closed('C', 2), partRow('D', 1)])).rejects.toThrow(
    /did not mark the row of a deleted/,
  );
  expect(await stage.parts()).toEqual([...AS_IT_WAS, part('D', 1)]);
});

/** Gives each customer a line to another item: the merged row of the line before it is closed. */
function moveLines(path: WholePath, by: number, day: number): void {
  for (const [id, customer] of path.customers) {
    const line = { sku: `S${(Number(id.slice(1)) + by) % 10}`, quantity: 1 };
    path.customers.set(id, { ...customer, lines: [line], updatedAt: `2026-02-0${day}T00:00:00.000Z` });
  }
}

test('consumers of the old and the new setting take turns while records change, and all is as the last setting says', {
  timeout: 300_000,
}, async () => {
  const path = await WholePath.begin({ sink: 'postgres' });
  onTestFinished(() => path.end());
  const marked = () => path.query('SELECT FROM orders WHERE _deleted');
  const closed = () => path.query('SELECT FROM orders_tombstones');
  path.change(20);
  await path.start(1);
  await path.settled();

  const [old] = path.consumers.splice(0);
  path.edit([['postgres: {', 'postgres: { deletes: keep,']]);
  const keeps = await path.startConsumer('keeps');
  // Until then the old one goes on to remove.
  await vi.waitFor(() => expect(keeps.problems()).toEqual([]), { timeout: 90_000, interval: 200 });
  moveLines(path, 1, 1);
  await path.settled();
  await old?.stop();
  expect([await marked(), await closed()].map(({ length }) => length)).toEqual([20, 20]);
  // The lines come back, and with them their rows.
  moveLines(path, 0, 2);
  await path.settled();
  expect([await marked(), await closed()].map(({ length }) => length)).toEqual([20, 20]);

  const [keeping] = path.consumers.splice(0);
  path.edit([]);
  await path.startConsumer('removes');
  await keeping?.stop();
  await vi.waitFor(async () => expect(await marked()).toEqual([]), { timeout: 90_000, interval: 200 });
  await path.settled();
  expect(await closed()).toHaveLength(20);
});
