import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/data/readers/csv/database.js';
import { collect } from '../../sample.js';

/** Takes so long that it is interrupted before it ends. */
const ENDLESS = 'SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = -1';

describe('the database of the CSV reader', () => {
  let folder: string;
  let database: Database;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'database-'));
    database = new Database(folder);
  });
  afterEach(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    ["SELECT * FROM read_csv('/etc/hosts')"],
    ["SELECT * FROM read_text('package.json')"],
    ["SELECT * FROM glob('/*')"],
    ["SELECT * FROM 'http://127.0.0.1:1/x.csv'"],
    ["COPY (SELECT 1) TO '/tmp/tributary-never-written.csv'"],
    ["ATTACH '/tmp/tributary-never-written.duckdb'"],
    ['INSTALL httpfs'],
    ["LOAD '/tmp/never.duckdb_extension'"],
    ["SET memory_limit = '64GB'"],
    ['SET enable_external_access = true'],
    ['RESET allowed_directories'],
    ["EXPORT DATABASE '/tmp/tributary-never-written'"],
  ])('reaches no file, no network and no setting: %s', async (statement) => {
    await expect(database.write(({ query }) => query(statement))).rejects.toThrow(
      /Permission Error|configuration|Catalog Error|IO Error|Invalid Input|Missing Extension/,
    );
    expect(await readdir(tmpdir())).not.toContain('tributary-never-written.csv');
  });

  it('answers as of one moment, whatever is written meanwhile', async () => {
    const count = 'SELECT count(*)::INTEGER AS rows FROM store.t';
    await database.write(({ query }) => query('CREATE TABLE store.t AS SELECT range AS n FROM range(10)'));
    const all = await database.stream('SELECT n::VARCHAR FROM store.t', [], new AbortController().signal);
    const seen = await database.snapshot(async ({ query }) => {
      const before = await query(count);
      await database.write((writes) => writes.query('INSERT INTO store.t SELECT range FROM range(5)'));
      return [...before, ...(await query(count))];
    });
    expect(seen).toEqual([{ rows: 10 }, { rows: 10 }]);
    expect((await collect(all)).flat()).toHaveLength(10);
    expect(await database.snapshot(({ query }) => query(count))).toEqual([{ rows: 15 }]);
  });

  it('takes nothing of what fails half-way', async () => {
    await database.write(({ query }) => query('CREATE TABLE store.t (n INTEGER)'));
    const failing = database.write(async ({ query }) => {
      await query('INSERT INTO store.t VALUES (1)');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await database.snapshot(({ query }) => query('FROM store.t'))).toEqual([]);
  });

  it('ends a statement whose reader has gone, and goes on with others', async () => {
    const gone = new AbortController();
    const endless = database.snapshot(({ query }) => query(ENDLESS), gone.signal);
    const waiting = Array.from({ length: 4 }, () => database.snapshot(({ query }) => query('SELECT 1 AS one')));
    setTimeout(() => gone.abort(new Error('the reader has gone')), 100);
    await expect(endless).rejects.toThrow('the reader has gone');
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => [{ one: 1 }]));
  });

  it('ends all statements when it is closed, and removes its folder', async () => {
    const endless = database.snapshot(({ query }) => query(ENDLESS));
    const ended = expect(endless).rejects.toThrow('is being stopped');
    await expect.poll(() => readdir(folder)).toHaveLength(1);
    await database.close();
    await ended;
    expect(await readdir(folder)).toEqual([]);
    await expect(database.snapshot(({ query }) => query('SELECT 1'))).rejects.toThrow();
  });

  it('removes what a process that was killed left behind, and nothing of others', async () => {
    // Process numbers end far below that on every system.
    const left = `tributary-index-${hostname()}.999999999.abc`;
    const others = [
      `tributary-index-another-machine.999999999.abc`,
      `tributary-index-${hostname()}.${process.ppid}.abc`,
    ];
    for (const name of [left, ...others]) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'rows.duckdb'), 'x');
    }
    await database.snapshot(({ query }) => query('SELECT 1'));
    const names = await readdir(folder);
    expect(names).not.toContain(left);
    expect(names).toEqual(expect.arrayContaining(others));
  });
});
