import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { time } from '../../../dashboard/test/sample.js';
import { customers, exportStage, hidden, read, wholeRuns } from './support.js';

const ALL = `
  set:
    dataset: customers
    columns: [id, name, spent, balance, points, active, updatedAt]
    to: $OUT`;

describe('an export to a folder', () => {
  test('as Parquet has the rows and types that a plain scan has', async () => {
    const rows = customers(700);
    const { run, out } = await exportStage([...rows, { key: 'C-1', at: 600, deleted: true }], ALL);
    const { manifest, place } = await run();
    expect(place).toBe(join(out, 'set', manifest.run));
    expect(manifest).toMatchObject({ rows: 699, format: 'parquet', compression: 'zstd', split: null });
    const found = await read(join(place, 'set.parquet'));
    const byId = new Map(found.map((row) => [row.id, row]));
    expect(byId.size).toBe(699);
    for (const { key, at, values } of rows) {
      if (key === 'C-1') continue;
      const row = byId.get(key);
      expect(row).toMatchObject({ name: values?.name, spent: values?.spent, active: values?.active });
      expect(Number(row?.points)).toBe(values?.points);
      expect(Number(row?.balance)).toBeCloseTo(Number(values?.balance), 9);
      expect(row?.updatedAt).toEqual(new Date(time(at)));
    }
    expect(manifest.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id string',
      'name string',
      'spent number',
      'balance decimal',
      'points integer',
      'active boolean',
      'updatedAt datetime',
    ]);
    expect(wholeRuns(join(out, 'set'))).toEqual([manifest]);
    expect(await hidden(join(out, 'set'))).toEqual([]);
  });

  test('as CSV neutralises formulas, and as NDJSON has them as they are', async () => {
    const rows = customers(60);
    const { run } = await exportStage(
      rows,
      `
  csv: { query: "select id, name from customers order by points", format: csv, to: $OUT }
  ndjson: { query: "select id, name, balance from customers order by points", format: ndjson, to: $OUT }`,
    );
    const csv = readFileSync(join((await run('csv')).place, 'csv.csv'), 'utf8');
    expect(csv.startsWith('id,name\r\nC-0,"\'=HYPERLINK(""http://x"")"\r\n')).toBe(true);
    const lines = readFileSync(join((await run('ndjson')).place, 'ndjson.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(60);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ id: 'C-0', name: '=HYPERLINK("http://x")' });
    expect(lines[1]).toContain('"balance":1.1');
  });

  test('with filters has the rows that they name', async () => {
    const { run } = await exportStage(
      customers(100),
      `
  some: { dataset: customers, columns: [id, points], where: { points: { from: 10, below: 20 }, name: { contains: "of" } }, format: ndjson, to: $OUT }
  none: { dataset: customers, columns: [id], where: { note: { filled: true } }, format: ndjson, to: $OUT }
  history: { dataset: customers, view: history, columns: [id, _deleted], format: ndjson, to: $OUT }`,
    );
    expect((await run('some')).manifest.rows).toBe(10);
    expect((await run('none')).manifest.rows).toBe(0);
    expect((await run('history')).manifest.rows).toBe(100);
  });

  test('is split the same way in every run, with each key in one file', async () => {
    const exports = (format: string) => `
  set: { query: "select id, points from customers", format: ${format}, to: $OUT, split: { train: 0.7, validate: 0.1, test: 0.2, by: id } }`;
    const { run } = await exportStage(customers(2_000), exports('ndjson'));
    const ids = async () => {
      const { place, manifest } = await run();
      return manifest.files.map(({ name }) =>
        readFileSync(join(place, name), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { id: string }).id)
          .sort(),
      );
    };
    const first = await ids();
    expect(await ids()).toEqual(first);
    expect(new Set(first.flat()).size).toBe(2_000);
    expect(first.flat()).toHaveLength(2_000);
    const [train = [], validate = [], held = []] = first;
    expect(train.length / 2_000).toBeCloseTo(0.7, 1);
    expect(validate.length / 2_000).toBeCloseTo(0.1, 1);
    // Other rows, another format: a key stays where it was.
    const other = await exportStage(customers(900), exports('csv'));
    const { place } = await other.run();
    const tested = readFileSync(join(place, 'test.csv'), 'utf8')
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(',')[0]);
    expect(tested.sort()).toEqual(held.filter((id) => Number(id.slice(2)) < 900));
  });

  test('is split as Parquet with the types that it has in one file', async () => {
    const columns = 'id, points, spent, balance, active, "updatedAt", 99999999999999999999 AS large';
    const { run } = await exportStage(
      customers(300),
      `
  one: { query: 'select ${columns} from customers', to: $OUT }
  set: { query: 'select ${columns} from customers', to: $OUT, split: { a: 0.5, b: 0.5, by: id } }`,
    );
    const rowsOf = async (name: string) => {
      const { place, manifest } = await run(name);
      const files = await Promise.all(manifest.files.map((file) => read(join(place, file.name))));
      return files.flat().sort((a, b) => Number(a.points) - Number(b.points));
    };
    const whole = await rowsOf('one');
    const dealt = await rowsOf('set');
    expect(dealt).toHaveLength(300);
    const without = (rows: Record<string, unknown>[]) => rows.map(({ large: _large, ...row }) => row);
    expect(without(dealt)).toEqual(without(whole));
    // No integer of Parquet holds it.
    expect(dealt[0]?.large).toBe('99999999999999999999');
  });

  test('keeps as many runs as it is told, and what other programs put there', async () => {
    const { run, out } = await exportStage(customers(5), `${ALL}\n    keep: 2`);
    const first = (await run()).manifest.run;
    const home = join(out, 'set');
    writeFileSync(join(home, first, 'notes.txt'), 'mine');
    mkdirSync(join(home, '20200101T000000000Z-00000000'));
    writeFileSync(join(home, '20200101T000000000Z-00000000', 'manifest.json'), '{"version":1,"export":"set"}');
    writeFileSync(join(home, 'README'), 'mine');
    const second = (await run()).manifest.run;
    const third = await run();
    expect(third.removed).toEqual([first]);
    expect(await readdir(join(home, first))).toEqual(['notes.txt']);
    const fourth = await run();
    expect(fourth.removed).toEqual([second]);
    expect((await readdir(home)).sort()).toEqual(
      ['20200101T000000000Z-00000000', first, third.manifest.run, fourth.manifest.run, 'README'].sort(),
    );
  });

  test('keeps what it has just written, where a clock that was ahead has named older runs by later times', async () => {
    const { run, out } = await exportStage(customers(5), `${ALL}\n    keep: 1`);
    const { manifest, place } = await run();
    const ahead = manifest.run.replace(/^\d{4}/, '2199');
    writeFileSync(join(place, 'manifest.json'), JSON.stringify({ ...manifest, run: ahead }));
    renameSync(place, join(out, 'set', ahead));
    const { manifest: second, removed } = await run();
    expect(removed).toEqual([ahead]);
    expect(await readdir(join(out, 'set'))).toEqual([second.run]);
  });

  test('removes nothing outside of its folder, whatever a manifest says', async () => {
    const { run, out, folder } = await exportStage(customers(5), `${ALL}\n    keep: 1`);
    const { manifest, place } = await run();
    writeFileSync(join(folder, 'precious.csv'), 'mine');
    const [file] = manifest.files;
    const forged = { ...manifest, files: [{ ...file, name: '../../../precious.csv' }] };
    writeFileSync(join(place, 'manifest.json'), JSON.stringify(forged));
    await run();
    expect(readFileSync(join(folder, 'precious.csv'), 'utf8')).toBe('mine');
    expect(await readdir(join(out, 'set'))).toHaveLength(2);
  });

  test('does not go where a link leads', async () => {
    const { run, out, folder } = await exportStage(customers(5), ALL);
    await mkdir(out);
    await mkdir(join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), join(out, 'set'));
    await expect(run()).rejects.toThrow(/is no folder: an export writes into a folder of its name/);
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  });

  test.each([
    ['a query that is wrong', 'select nothing from customers', /nothing/],
    ['a query of a file', "select * from read_csv('/etc/passwd')", /./],
    ['two statements', 'select 1; select 2', /./],
    ['another table', 'select * from orders', /orders/],
  ])('fails in words for %s, and leaves nothing', async (_what, query, words) => {
    const { run, out } = await exportStage(customers(5), `\n  set: { query: ${JSON.stringify(query)}, to: $OUT }`);
    await expect(run()).rejects.toThrow(words);
    expect(await readdir(join(out, 'set'))).toEqual([]);
  });

  test('says which columns there are if the split names none of them', async () => {
    const { run } = await exportStage(
      customers(5),
      '\n  set: { query: "select id from customers", to: $OUT, format: csv, split: { a: 0.5, b: 0.5, by: key } }',
    );
    await expect(run()).rejects.toThrow(/split\.by: "key" is no column of what is exported; expected one of id/);
  });

  test('removes what a dead run left, and not what another program did', async () => {
    const { run, out } = await exportStage(customers(5), ALL);
    const { manifest, place } = await run();
    const dead = '20260101T000000000Z-aaaaaaaa';
    const part = join(out, 'set', `.${dead}.part`);
    renameSync(place, part);
    const note = {
      pipeline: 'tributary',
      export: 'set',
      run: dead,
      files: ['set.parquet'],
      host: 'other',
      pid: 1,
      begunAt: '',
    };
    await writeFile(join(part, 'running.json'), JSON.stringify({ ...note, run: dead }));
    await writeFile(join(part, 'manifest.json'), JSON.stringify({ ...manifest, run: dead }));
    const foreign = join(out, 'set', '.20260101T000000000Z-bbbbbbbb.part');
    await mkdir(foreign);
    await writeFile(
      join(foreign, 'running.json'),
      JSON.stringify({ ...note, export: 'other', run: '20260101T000000000Z-bbbbbbbb' }),
    );
    // A process of another machine may be alive: its last sign is new.
    await expect(run()).rejects.toThrow(/is being exported since/);
    const { utimesSync } = await import('node:fs');
    utimesSync(join(part, 'running.json'), new Date(0), new Date(0));
    expect((await run()).cleared).toEqual([dead]);
    expect(await hidden(join(out, 'set'))).toEqual(['.20260101T000000000Z-bbbbbbbb.part']);
  });

  test('is whole or refused when several run at once', async () => {
    const { run, out } = await exportStage(customers(300), ALL);
    const settled = await Promise.allSettled([run(), run(), run()]);
    const done = settled.filter(({ status }) => status === 'fulfilled');
    expect(done.length).toBeGreaterThan(0);
    for (const one of settled)
      if (one.status === 'rejected') expect(String(one.reason)).toContain('is being exported since');
    expect(wholeRuns(join(out, 'set')).map(({ rows }) => rows)).toEqual(done.map(() => 300));
    expect(await hidden(join(out, 'set'))).toEqual([]);
  });

  test('leaves nothing when it is stopped', async () => {
    const { run, out } = await exportStage(customers(300), ALL);
    const stopping = new AbortController();
    const running = run('set', stopping.signal);
    setTimeout(() => stopping.abort(new Error('stopped')), 300);
    await running.catch(() => {});
    expect(await hidden(join(out, 'set')).catch(() => [])).toEqual([]);
  });

  test('tells no secrets in the manifest', async () => {
    const { run } = await exportStage(
      customers(5),
      `${ALL}\n    s3: { endpoint: "https://user:hidden-password@s3.example.org", accessKey: hidden-key, secretKey: hidden-secret }`,
    );
    const { place } = await run();
    expect(readFileSync(join(place, 'manifest.json'), 'utf8')).not.toContain('hidden');
  });
});
