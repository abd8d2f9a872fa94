import { execFileSync } from 'node:child_process';
import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stillHolds, takeEvidence } from '../../src/sinks/csv/evidence.js';
import type { Sink } from '../../src/sinks/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { type CsvSettings, csvStore } from './csv-store.js';
import { datasetNamed, partRow, pipeline } from './records.js';

const EPOCH = 'sink.run.1';
const NEXT_EPOCH = 'sink.run.2';
const PART = 'part-writer-1-1.csv';
const ROWS = [partRow('A', 1), partRow('B', 1, 'two\nlines'), partRow('007', 1), partRow('D', 1)];
const KEYS = ['007', 'A', 'B', 'D'];

async function newStore(settings: CsvSettings = {}) {
  const told: string[] = [];
  const store = await csvStore(settings, told);
  onTestFinished(() => store.remove());
  const sink = store.connect();
  await sink.beginEpoch(EPOCH);
  const open = async (name: string, epoch = EPOCH, onLost?: (lost: WriterLost) => void) => {
    const writer = await sink.open(name, epoch, onLost);
    onTestFinished(() => writer.close().catch(() => {}));
    return writer;
  };
  const path = join(store.directory, 'parts', PART);
  return { ...store, told, sink, open, path, writer: await open('writer-1') };
}

async function keys(sink: Sink): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of sink.scan(datasetNamed('parts'))) found.push(key);
  return found.sort();
}

const edit = async (path: string, change: (text: string) => string) =>
  writeFile(path, change(await readFile(path, 'utf8')));

/** As a spreadsheet or pandas saves a table, whatever is in the cells. */
const saved = (change: (lines: string[][]) => string) => (text: string) => {
  const rows = text
    .trimEnd()
    .split('\r\n')
    .map((line) => line.replace('"two\nlines"', '\u0001').split(','));
  return change(rows).replaceAll('\u0001', 'two\nlines');
};
const quoted = (rows: string[][], end: string) =>
  rows.map((cells) => cells.map((cell) => `"${cell}"`).join(',') + end).join('');

interface Way {
  readonly how: string;
  change(path: string): Promise<unknown>;
  /** The keys of the rows that can still be read. */
  readonly left: readonly string[];
  /** Whether rows are gone, so that all must be polled again. */
  readonly another: boolean;
  readonly said: RegExp;
}

const WAYS: Way[] = [
  {
    how: 'emptied',
    change: (path) => truncate(path, 0),
    left: [],
    another: true,
    said: /part-writer-1-1\.csv was cut or emptied .* and is 0; rows that are not durable yet go to a new part/,
  },
  {
    how: 'cut in the middle of a line',
    change: async (path) => truncate(path, (await stat(path)).size - 20),
    left: ['007', 'A', 'B'],
    another: true,
    said: /was cut or emptied/,
  },
  {
    how: 'cut in the middle of a cell with line ends',
    change: async (path) => truncate(path, (await readFile(path, 'utf8')).indexOf('lines"')),
    left: ['A'],
    another: true,
    said: /was cut or emptied/,
  },
  {
    how: 'saved in place by a spreadsheet, with a BOM and quotes around all cells',
    change: (path) =>
      edit(
        path,
        saved((rows) => `\ufeff${quoted(rows, '\r\n')}`),
      ),
    left: KEYS,
    another: true,
    said: /was added to|was cut/,
  },
  {
    how: 'saved in place by a spreadsheet that takes 007 for 7',
    change: (path) => edit(path, (text) => text.replaceAll('007', '7').replaceAll('\r\n', '\n')),
    left: ['A', 'B', 'D'],
    another: true,
    said: /was cut/,
  },
  {
    how: 'saved with semicolons, which no reader of CSV with commas understands',
    change: (path) =>
      edit(
        path,
        saved((rows) => rows.map((cells) => `${cells.join(';')}\r\n`).join('')),
      ),
    left: [],
    another: true,
    said: /was changed in place|was cut/,
  },
  {
    how: 'saved without one of its columns',
    change: (path) =>
      edit(
        path,
        saved((rows) => rows.map((cells) => `${[...cells.slice(0, 2), ...cells.slice(3)].join(',')}\n`).join('')),
      ),
    left: [],
    another: true,
    said: /was cut/,
  },
  {
    how: 'changed in place by one letter',
    change: (path) => edit(path, (text) => text.replace('A,1,content', 'A,1,kontent')),
    left: ['007', 'B', 'D'],
    another: true,
    said: /was changed in place/,
  },
  {
    how: 'saved anew by rename, with a line less',
    change: async (path) => {
      const text = await readFile(path, 'utf8');
      await writeFile(`${path}.new`, text.replace(/^A,.*\r\n/m, ''));
      await rename(`${path}.new`, path);
    },
    left: ['007', 'B', 'D'],
    another: true,
    said: /was deleted or replaced/,
  },
  {
    how: 'saved anew by rename, as it was',
    change: async (path) => {
      await copyFile(path, `${path}.new`);
      await rename(`${path}.new`, path);
    },
    left: KEYS,
    another: false,
    said: /was deleted or replaced/,
  },
  {
    how: 'added to by another program, without a line end',
    change: (path) => appendFile(path, 'a note, and nothing more'),
    left: KEYS,
    another: false,
    said: /was added to by another program or person/,
  },
  {
    how: 'saved with the line ends of Unix, as dos2unix does',
    change: (path) => edit(path, (text) => text.replaceAll('\r\n', '\n')),
    left: KEYS,
    another: true,
    said: /was cut/,
  },
  {
    how: 'sorted, so that its header is not its first line any more',
    change: (path) => edit(path, (text) => `${text.trimEnd().split('\r\n').toReversed().join('\r\n')}\r\n`),
    left: KEYS,
    another: true,
    said: /was changed in place/,
  },
  {
    how: 'made longer by zero bytes, as a disk does that lost power',
    change: async (path) => truncate(path, (await stat(path)).size + 4_096),
    left: KEYS,
    another: false,
    said: /was added to/,
  },
  {
    how: 'replaced by a link that leads nowhere',
    change: async (path) => {
      await rm(path);
      await symlink(`${path}.gone`, path);
    },
    left: [],
    another: true,
    said: /was deleted or replaced .*gone/,
  },
  {
    how: 'replaced by a folder',
    change: async (path) => {
      await rm(path);
      await mkdir(path);
    },
    left: [],
    another: true,
    said: /was deleted or replaced .*no file any more/,
  },
  {
    how: 'replaced by a link to where it was moved',
    change: async (path) => {
      await rename(path, `${path}.moved`);
      await copyFile(`${path}.moved`, `${path}.copy`);
      await symlink(`${path}.copy`, path);
    },
    left: KEYS,
    another: false,
    said: /was deleted or replaced/,
  },
];

describe.each(WAYS)('a part that was $how', ({ change, left, another, said }) => {
  test('while its writer has it open takes no more rows; what can be read of it is, and a new part is begun', async () => {
    const { writer, sink, path, connect, open, files } = await newStore();
    const name = await sink.identity();
    await writer.write('parts', ROWS.slice(0, 2));
    await writer.write('parts', ROWS.slice(2));
    await change(path);
    const before = await readFile(path, 'utf8').catch(() => '');
    const late = writer.write('parts', [partRow('late', 1)]);
    await expect(late).rejects.toBeInstanceOf(WriterLost);
    await expect(late).rejects.toThrow(said);
    expect(await readFile(path, 'utf8').catch(() => '')).toBe(before);

    const other = connect();
    const now = await other.identity();
    expect(now === name).toBe(!another);
    expect(await other.identity()).toBe(now);
    await other.beginEpoch(NEXT_EPOCH);
    expect(await keys(other)).toEqual(left);
    const next = await open('writer-2', NEXT_EPOCH);
    await next.write('parts', [partRow('late', 1)]);
    expect(await keys(connect())).toEqual([...left, 'late'].sort());
    // Nothing was written behind a line that is not whole, and no file ends in the middle of one.
    for (const [file, text] of await files('parts').catch(() => new Map<string, string>())) {
      if (file.startsWith('part-')) expect(text.endsWith('\n')).toBe(true);
    }
    expect(await connect().identity()).toBe(now);
  });

  test('after its writer was done with it is noticed by any consumer, and told', async () => {
    const { writer, sink, path, connect, told } = await newStore();
    const name = await sink.identity();
    await writer.write('parts', ROWS);
    await writer.close();
    await change(path);
    const other = connect();
    const now = await other.identity();
    expect(now === name).toBe(!another);
    if (another) expect(told.join('\n')).toMatch(/part-writer-1-1\.csv (was|is) .*polled again/);
    expect(await connect().identity()).toBe(now);
    await other.beginEpoch(NEXT_EPOCH);
    expect(await keys(other)).toEqual(left);
    expect(await connect().identity()).toBe(now);
    expect(await readFile(path, 'utf8').catch(() => '\n')).toMatch(/\n$/);
  });

  test('after its writer died is noticed as well', async () => {
    const { writer, sink, path, connect } = await newStore();
    const name = await sink.identity();
    await writer.write('parts', ROWS);
    await change(path);
    const other = connect();
    const landed = await other.takeOver('writer-1');
    expect(ROWS.filter((row) => landed.has(row)).length).toBeGreaterThanOrEqual(left.length);
    const now = await connect().identity();
    expect(now === name).toBe(!another);
    await other.beginEpoch(NEXT_EPOCH);
    expect(await keys(other)).toEqual(left);
    expect(await connect().identity()).toBe(now);
  });
});

describe('a consumer that is idle', () => {
  const lost = async (change: (path: string) => Promise<unknown>, close: boolean) => {
    const { writer, open, path } = await newStore();
    await writer.write('parts', ROWS);
    if (close) await writer.close();
    const noticed = new Promise<WriterLost>((resolve) => {
      void open('writer-2', EPOCH, resolve);
    });
    await change(path);
    return noticed;
  };

  test('notices within 10 s that a part is gone, or was changed, whose writer is done with it', {
    timeout: 20_000,
  }, async () => {
    const began = performance.now();
    const seen = await Promise.all([
      lost((path) => rm(path), true),
      lost((path) => truncate(path, 10), true),
      lost((path) => edit(path, (text) => text.replace('content 1', 'kontent 1')), true),
      lost((path) => rm(path), false),
      lost((path) => truncate(path, 0), false),
    ]);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(seen.map(({ message }) => message.replace(/^.*csv /, '').split(/[:;]/)[0])).toEqual([
      'is gone',
      'was cut, or saved anew, by another program or person',
      'was saved anew by another program or person (an editor, a spreadsheet)',
      'is gone',
      'was emptied by another program or person',
    ]);
  });

  test('takes a part that was only copied, and so has another time, for what it was', async () => {
    const { writer, sink, path } = await newStore();
    const name = await sink.identity();
    await writer.write('parts', ROWS);
    await writer.close();
    await copyFile(path, `${path}.new`);
    await rename(`${path}.new`, path);
    expect(await sink.identity()).toBe(name);
  });
});

describe('a rebuild', () => {
  test.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
    [
      'a link to a pipe',
      (path: string) => {
        execFileSync('mkfifo', [`${path}.pipe`]);
        return symlink(`${path}.pipe`, path);
      },
    ],
  ])(
    'never opens %s that another program put in the place of a part: nothing writes to it, so that would wait for ever',
    async (_what, put) => {
      const { writer, path, connect } = await newStore();
      await writer.write('parts', ROWS);
      await rm(path);
      await put(path);
      await expect(writer.write('parts', ROWS)).rejects.toThrow(/no file any more/);
      const other = connect();
      await other.identity();
      await other.beginEpoch(NEXT_EPOCH);
      expect(await keys(other)).toEqual([]);
      await other.probe();
    },
  );

  const BAD: [string, (text: string) => string, RegExp][] = [
    ['a line with a cell less', (text) => text.replace(/^007,1,/m, '007,'), /line 5, is no row: it has 9 cells/],
    ['a quote that is never closed', (text) => text.replace(/^007,1,/m, '007,"1,'), /line 5, is no row: a quote/],
    ['two rows that were fused', (text) => text.replace(/\r\n007/, '007'), /line 3, is no row|line 4, is no row/],
    ['zero bytes', (text) => text.replace(/^007/m, '\0\0\0\x007'), /line 5, is no row: it holds zero bytes/],
    ['another header', (text) => text.replace(/^007.*$/m, text.split('\r\n')[0] ?? ''), /line 5, is no row/],
  ];

  test.each(BAD)('reads all rows around %s, and tells its line', async (_what, spoil, said) => {
    const { writer, path, connect, told } = await newStore();
    await writer.write('parts', ROWS);
    await writer.close();
    await edit(path, spoil);
    const sink = connect();
    await sink.identity();
    await sink.beginEpoch(NEXT_EPOCH);
    const found = await keys(sink);
    expect(found).toContain('A');
    expect(found).toContain('D');
    expect(found).not.toContain('007');
    expect(told.join('\n')).toMatch(said);
  });

  test('tells 10 lines one by one, and how many there are', async () => {
    const { writer, path, connect, told } = await newStore();
    await writer.write('parts', ROWS);
    await writer.close();
    await appendFile(path, 'nothing\r\n'.repeat(500));
    const sink = connect();
    const name = await sink.identity();
    expect(await sink.identity()).toBe(name);
    expect(await keys(sink)).toEqual(KEYS);
    expect(told.filter((line) => line.includes(', is no row: '))).toHaveLength(10);
    expect(told.at(-1)).toContain('500 lines in the parts of parts are no rows');
  });

  test('takes the rows of a part whose header was removed', async () => {
    const { writer, path, connect } = await newStore();
    await writer.write('parts', ROWS);
    await writer.close();
    await edit(path, (text) => text.slice(text.indexOf('\r\n') + 2));
    const sink = connect();
    await sink.identity();
    expect(await keys(sink)).toEqual(KEYS);
  });
});

describe('the evidence beside marks', () => {
  test('does not hold for a part in which one letter was changed, and holds for one that was only copied', async () => {
    const { writer, sink, path, directory } = await newStore();
    await sink.identity();
    await writer.write('parts', ROWS);
    await writer.close();
    const datasets = ['things', 'parts', 'thing_parts'];
    const evidence = await takeEvidence(directory, datasets);
    if (evidence === undefined) throw new Error('there is no evidence');
    await copyFile(path, `${path}.new`);
    await rename(`${path}.new`, path);
    expect(await stillHolds(directory, evidence)).toBe(true);
    await edit(path, (text) => text.replace('content 1', 'kontent 1'));
    expect(await stillHolds(directory, evidence)).toBe(false);
  });
});

// Only Linux tells which files a process has open.
test.skipIf(process.platform !== 'linux')(
  'a reader that stops early, or reads a changed part, leaves no file open',
  async () => {
    const { writer, sink, path, directory } = await newStore();
    await writer.write('parts', ROWS);
    await writer.close();
    await edit(path, (text) => `no header${text}`);
    await sink.identity();
    for (let time = 0; time < 5; time++) {
      for await (const _row of sink.scan(datasetNamed('parts'))) break;
      await keys(sink);
    }
    const links = (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => ''));
    expect((await Promise.all(links)).filter((open) => open.startsWith(directory))).toEqual([]);
  },
);

describe('an output', () => {
  test('takes rows of one pipeline at a time: another one is told whose it is, and changes nothing until that has ended', async () => {
    const { sink, writer, connect } = await newStore();
    const other = connect({ ...pipeline(), name: 'other' });
    onTestFinished(() => other.close());
    const epoch = await sink.epoch();
    for (const attempt of [() => other.probe(), () => other.open('writer-2', EPOCH)]) {
      await expect(attempt()).rejects.toThrow(
        /the pipeline "\w+" is writing to the output .*, and this is "other": give each pipeline an output/,
      );
    }
    await writer.write('parts', ROWS);
    expect(await sink.epoch()).toBe(epoch);
    await sink.probe();
    await writer.close();
    await expect(other.probe()).rejects.toThrow('is writing to the output');
    await sink.close();
    await other.probe();
    await other.open('writer-2', EPOCH);
    await expect(sink.probe()).rejects.toThrow('the pipeline "other" is writing to the output');
  });

  test('is free 12 s after the last word of a consumer that was killed', async () => {
    const { connect, directory } = await newStore();
    const other = connect({ ...pipeline(), name: 'other' });
    onTestFinished(() => other.close());
    const folder = join(directory, '.tributary', 'running');
    await expect(other.probe()).rejects.toThrow('is writing to the output');
    const before = new Date(Date.now() - 13_000);
    for (const token of await readdir(folder)) await utimes(join(folder, token), before, before);
    await other.probe();
    await other.open('writer-2', EPOCH);
  });

  test('loses the note of a consumer that was killed minutes ago; one that only slept says again that it is here', async () => {
    const { connect, directory, open } = await newStore();
    const folder = join(directory, '.tributary', 'running');
    const [token = ''] = await readdir(folder);
    const other = connect();
    onTestFinished(() => other.close());
    const enterAfter = async (seconds: number) => {
      const before = new Date(Date.now() - 1_000 * seconds);
      await utimes(join(folder, token), before, before);
      await other.open(`writer-after-${seconds}`, EPOCH);
      return await readdir(folder);
    };
    expect(await enterAfter(60)).toHaveLength(2);
    const left = await enterAfter(600);
    expect(left).toHaveLength(1);
    expect(left).not.toContain(token);
    await open('writer-3');
    expect(await readdir(folder)).toContain(token);
  });
});
