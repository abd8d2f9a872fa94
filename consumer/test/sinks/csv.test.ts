import { appendFile, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { datasetsOf } from '@tributary/shared';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Sink } from '../../src/sinks/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { describeSink } from './conformance.js';
import { type CsvSettings, csvStore } from './csv-store.js';
import { datasetNamed, mergedRow, PIPELINE, partRow, pipeline } from './records.js';

describeSink('CSV', csvStore);
describeSink('CSV, with formulas left as they are,', () => csvStore({ neutraliseFormulas: false }));
describeSink('CSV, with a part for each write,', () => csvStore({ maxPartSize: 1 }));

const EPOCH = 'sink.run.1';
const HEADER = 'sku,revision,name,price,_key,_hash,_version,_message_id,_deleted,_written_at';

async function newStore(settings: CsvSettings = {}) {
  const store = await csvStore(settings);
  onTestFinished(() => store.remove());
  const sink = store.connect();
  await sink.beginEpoch(EPOCH);
  const open = async (name: string, epoch = EPOCH, on = sink) => {
    const writer = await on.open(name, epoch);
    onTestFinished(() => writer.close().catch(() => {}));
    return writer;
  };
  return { ...store, sink, open, writer: await open('writer-1') };
}

async function keys(sink: Sink): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of sink.scan(datasetNamed('parts'))) found.push(key);
  return found.sort();
}

describe('a part', () => {
  test('is one file of one writer: a header, and lines that end in CR LF', async () => {
    const { writer, open, files } = await newStore();
    await writer.write('parts', [partRow('=A"', 1), partRow('B', 1, 'two\nlines')]);
    await (await open('writer-2')).write('parts', [partRow('C', 1)]);
    const parts = await files('parts');
    expect([...parts.keys()].sort()).toEqual(['part-writer-1-1.csv', 'part-writer-2-1.csv']);
    const { hash, messageId } = partRow('=A"', 1);
    const lines = parts.get('part-writer-1-1.csv')?.split('\r\n') ?? [];
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe(HEADER);
    // Both the field and the key are text from an API: a spreadsheet must not run either.
    expect(lines[1]).toMatch(`"'=A""",1,content 1,,"'=A""",${hash},1,${messageId},false,20`);
    expect(lines[2]).toContain('"two\nlines"');
  });

  test('is read as it was written, even if the setting for formulas has changed since', async () => {
    const { writer, connect, open } = await newStore();
    await writer.write('parts', [partRow('=A', 1), partRow("'=B", 1)]);
    const config = pipeline();
    const csv = { ...config.sink.csv, neutraliseFormulas: false };
    const changed = connect({ ...config, sink: { ...config.sink, csv } });
    expect(await keys(changed)).toEqual(["'=B", '=A']);
    await (await open('writer-2', EPOCH, changed)).write('parts', [partRow('=C', 1), partRow("'=D", 1)]);
    for (const sink of [changed, connect()]) expect(await keys(sink)).toEqual(["'=B", "'=D", '=A', '=C']);
  });

  test('is begun by no writer that is closed, as a flush of a session that was abandoned might', async () => {
    const { writer, files, sink } = await newStore();
    await writer.close();
    await expect(writer.write('parts', [partRow('A', 1)])).rejects.toThrow(WriterLost);
    expect(await files('parts')).toEqual(new Map());
    expect(await keys(sink)).toEqual([]);
  });

  test('that is older than the rule for numbers and phone numbers is read as it was meant', async () => {
    const { writer, directory, sink } = await newStore();
    const rows = [partRow('+49 30 7374', 1, '-12.5'), partRow('=A', 1, "'+1")];
    await writer.write('parts', rows);
    const path = join(directory, 'parts', 'part-writer-1-1.csv');
    const text = await readFile(path, 'utf8');
    expect(text).toContain('+49 30 7374,1,-12.5,');
    expect(text).toContain("'=A,1,''+1,");
    await writeFile(path, text.replaceAll('+49 30 7374', "'+49 30 7374").replace(',-12.5,', ",'-12.5,"));
    const landed = new Map<string, object>();
    for await (const { key, values } of sink.scan(datasetNamed('parts'))) landed.set(key, values);
    expect(landed).toEqual(new Map(rows.map(({ key, values }) => [key, values ?? {}])));
  });

  test('is followed by another, with a header of its own, when it is as large as a part may be', async () => {
    const { writer, files, sink } = await newStore({ maxPartSize: 1_000 });
    const rows = Array.from({ length: 40 }, (_, index) => partRow(`key ${String(index).padStart(2, '0')}`, 1));
    for (const row of rows) await writer.write('parts', [row]);
    const parts = [...(await files('parts')).values()];
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      expect(part.startsWith(`${HEADER}\r\n`)).toBe(true);
      expect(part.indexOf(HEADER)).toBe(part.lastIndexOf(HEADER));
      expect(part.length).toBeLessThan(1_000 + 200);
    }
    expect(await keys(sink)).toEqual(rows.map(({ key }) => key));
  });

  test('keeps its header when the fields change: the next part has the new header, and both are read', async () => {
    const { writer, connect, open, files } = await newStore();
    await writer.write('parts', [partRow('A', 1)]);
    await writer.close();
    const config = pipeline(PIPELINE.replace('name: string?', 'colour: string?'));
    const changed = connect(config);
    const row = partRow('B', 2);
    const next = await open('writer-2', EPOCH, changed);
    await next.write('parts', [{ ...row, values: { sku: 'B', revision: 2, colour: 'red' } }]);
    const headers = [...(await files('parts')).values()].map((part) => part.split('\r\n')[0]);
    expect(headers.sort()).toEqual([HEADER.replace('name', 'colour'), HEADER]);
    const dataset = datasetsOf(config).find(({ name }) => name === 'parts') ?? datasetNamed('parts');
    const read = new Map<string, object>();
    for await (const { key, values } of changed.scan(dataset)) read.set(key, values);
    expect(read).toEqual(
      new Map<string, object>([
        ['A', { sku: 'A', revision: 1 }],
        ['B', { sku: 'B', revision: 2, colour: 'red' }],
      ]),
    );
  });
});

describe('a writer that died', () => {
  test.each([
    ['in the middle of a line', '"torn, and'],
    ['in the middle of a cell with line ends', 'X,1,"torn\r\nand torn again\r\n'],
    ['between a line and its end', 'X,1,torn,,X,hash,1,id,false,2025-06-01T00:00:00.000Z'],
    ['between the two characters of a line end', 'X,1,torn,,X,hash,1,id,false,2025-06-01T00:00:00.000Z\r'],
  ])('%s has its torn line cut when it is taken over', async (_where, torn) => {
    const { writer, directory, connect, files, sink } = await newStore();
    const rows = [partRow('A', 1, 'two\r\nlines'), partRow('B', 1)];
    await writer.write('parts', rows);
    const whole = (await files('parts')).get('part-writer-1-1.csv');
    await appendFile(join(directory, 'parts', 'part-writer-1-1.csv'), torn);
    expect(await keys(sink)).toEqual(['A', 'B']);
    const landed = await connect().takeOver('writer-1');
    expect(rows.map((row) => landed.has(row))).toEqual([true, true]);
    expect(landed.has(partRow('X', 1))).toBe(false);
    expect(await files('parts')).toEqual(new Map([['part-writer-1-1.csv', whole]]));
  });

  test('before its header was complete leaves a part with a header and nothing else', async () => {
    const { writer, directory, connect, files } = await newStore();
    await writer.write('parts', [partRow('A', 1)]);
    await truncate(join(directory, 'parts', 'part-writer-1-1.csv'), 10);
    expect((await connect().takeOver('writer-1')).has(partRow('A', 1))).toBe(false);
    expect(await files('parts')).toEqual(new Map([['part-writer-1-1.csv', `${HEADER}\r\n`]]));
  });

  test('has every row found that it may not have committed, even if its last writes went to parts of their own', async () => {
    const { writer, connect } = await newStore({ maxPartSize: 1 });
    // As many writes as can be under way to one dataset at once.
    const rows = [1, 2, 3].map((number) => partRow('A', number));
    for (const row of rows) await writer.write('parts', [row]);
    const landed = await connect().takeOver('writer-1');
    expect(rows.map((row) => landed.has(row))).toEqual([true, true, true]);
    expect(landed.has({ ...partRow('A', 3), order: partRow('A', 4).order })).toBe(false);
    expect(landed.has({ ...partRow('A', 3), dataset: 'things' })).toBe(false);
  });
});

describe('a folder', () => {
  test('from which parts were deleted is another output, and its writer notices before it calls a row durable', async () => {
    const { writer, sink, directory } = await newStore();
    const name = await sink.identity();
    await writer.write('parts', [partRow('A', 1)]);
    expect(await sink.identity()).toBe(name);
    await rm(join(directory, 'parts'), { recursive: true });
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toThrow(WriterLost);
    const other = await sink.identity();
    expect(other).not.toBe(name);
    expect(await sink.identity()).toBe(other);
  });

  test('in which an editor has replaced a part takes no more rows from the writer that had it open', async () => {
    const { writer, sink, directory } = await newStore();
    await writer.write('parts', [partRow('A', 1)]);
    const path = join(directory, 'parts', 'part-writer-1-1.csv');
    const text = await readFile(path);
    await rm(path);
    await writeFile(path, text);
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toThrow(
      /was deleted or replaced by another program or person/,
    );
    expect(await keys(sink)).toEqual(['A']);
  });

  test('that was emptied is another output, to which no earlier writer belongs', async () => {
    const { writer, directory, sink, connect } = await newStore();
    const name = await sink.identity();
    await writer.write('parts', [partRow('A', 1)]);
    for (const entry of await readdir(directory)) await rm(join(directory, entry), { recursive: true });
    await expect(writer.write('parts', [partRow('B', 1)])).rejects.toBeInstanceOf(WriterLost);
    expect(await connect().identity()).not.toBe(name);
    expect(await sink.epoch()).toBeUndefined();
    expect(await keys(sink)).toEqual([]);
  });

  test('that cannot be written makes the probe fail, until it can be written again', async () => {
    const store = await csvStore();
    onTestFinished(() => store.remove());
    const sink = store.connect();
    await rm(store.directory, { recursive: true });
    await writeFile(store.directory, 'a file in the place of the folder');
    await expect(sink.probe()).rejects.toThrow(store.directory);
    await rm(store.directory);
    await sink.probe();
    expect(await readdir(join(store.directory, '.tributary'))).toEqual([]);
  });
});

describe('notes of fenced writers', () => {
  const notesIn = async (directory: string) => (await readdir(join(directory, '.tributary', 'fenced'))).sort();

  test('stay while their epoch lasts, and go with the next one, which fences them all', async () => {
    const { sink, open, directory } = await newStore({ maxPartSize: 1 });
    const [written, idle] = [await open('writer-2'), await open('writer-3')];
    await written.write('parts', [partRow('A', 1)]);
    for (const name of ['writer-2', 'writer-3', 'writer-4']) await sink.takeOver(name);
    expect(await notesIn(directory)).toEqual(['writer-2', 'writer-3', 'writer-4']);

    for (const epoch of ['sink.run.2', 'sink.run.3']) await sink.beginEpoch(epoch);
    expect(await notesIn(directory)).toEqual([]);
    for (const writer of [written, idle]) {
      await expect(writer.write('parts', [partRow('B', 1)])).rejects.toThrow(WriterLost);
    }
    expect(await keys(sink)).toEqual(['A']);
  });

  test('do not grow with the deaths of all epochs', async () => {
    const { sink, directory } = await newStore();
    for (let death = 0; death < 20; death++) {
      const epoch = `sink.run.${2 + Math.floor(death / 4)}`;
      if (death % 4 === 0) await sink.beginEpoch(epoch);
      const writer = await sink.open(`writer-of-${death}`, epoch);
      await writer.write('parts', [partRow(`${death}`, 1)]);
      await sink.takeOver(`writer-of-${death}`);
      await expect(writer.close()).rejects.toThrow(WriterLost);
    }
    expect((await notesIn(directory)).length).toBeLessThanOrEqual(8);
  });
});

// Only Linux tells which files a process has open.
test.skipIf(process.platform !== 'linux')('a writer that was fenced leaves no file open', async () => {
  const { writer, sink, directory } = await newStore();
  await writer.write('parts', [partRow('A', 1)]);
  await writer.write('thing_parts', [mergedRow('a/A', 1)]);
  const open = async () => {
    const links = (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => ''));
    return (await Promise.all(links)).filter((path) => path.startsWith(directory));
  };
  expect(await open()).toHaveLength(2);
  await sink.beginEpoch('sink.run.2');
  await expect(writer.close()).rejects.toThrow(WriterLost);
  expect(await open()).toEqual([]);
});
