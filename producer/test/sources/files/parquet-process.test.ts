import { readdir, readFile } from 'node:fs/promises';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { type Bomb, bombOf, levels, runOf, varint } from './parquet-bombs.js';
import { idsIn, stageOf } from './stage.js';

const LONG = 2 ** 30 - 1;
/** Numbers that grow by `step`, in DELTA_BINARY_PACKED. */
const growing = (count: number, first: number, step: number) => [
  ...varint(128),
  ...varint(4),
  ...varint(count),
  ...varint(first * 2),
  ...Array.from({ length: Math.ceil(count / 128) }, () => [...varint(step * 2), 0, 0, 0, 0]).flat(),
];

const BOMBS: Readonly<Record<string, Bomb>> = {
  'a level that is repeated': { type: 1, repetition: 1, encoding: 0, rows: 3, page: levels(runOf(0, LONG)) },
  'a level of lists that is repeated': {
    type: 1,
    repetition: 2,
    encoding: 0,
    rows: 3,
    page: Buffer.concat([levels(runOf(0, LONG)), levels(runOf(0, 3))]),
  },
  'a boolean that is repeated': { type: 0, repetition: 0, encoding: 3, rows: 3, page: levels(runOf(1, LONG)) },
  'an index that is repeated': {
    type: 1,
    repetition: 0,
    encoding: 8,
    rows: 3,
    page: Buffer.from([1, ...runOf(0, LONG)]),
  },
  'texts that begin as the one before, and are longer': {
    type: 6,
    repetition: 0,
    encoding: 7,
    rows: 2_000,
    page: Buffer.from([...growing(2_000, 0, 20_000_000), ...growing(2_000, 0, 0)]),
  },
  'thousands of texts of megabytes': {
    type: 6,
    repetition: 0,
    encoding: 7,
    rows: 5_000,
    page: Buffer.from([...growing(5_000, 0, 2_000), ...growing(5_000, 0, 0)]),
  },
};

const childrenOf = async (parent: number): Promise<number[]> => {
  const children: number[] = [];
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    if (status.includes(`PPid:\t${parent}\n`)) children.push(Number(id));
  }
  return children;
};

const rssOf = async (id: number): Promise<number> => {
  const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
};

/** The largest memory, in MB, of this process and of those that it starts, while something is done. */
async function memoryOf(work: () => Promise<unknown>): Promise<{ own: number; child: number }> {
  const most = { own: 0, child: 0 };
  const look = async () => {
    most.own = Math.max(most.own, await rssOf(process.pid));
    for (const id of await childrenOf(process.pid)) most.child = Math.max(most.child, await rssOf(id));
  };
  const timer = setInterval(() => void look(), 50);
  await work().finally(() => clearInterval(timer));
  return most;
}

describe('Parquet files are read in a process of their own', { timeout: 180_000 }, () => {
  test.each(Object.entries(BOMBS))('a file of %s costs no other file, and not the memory', async (_what, bomb) => {
    const { write, poll } = await stageOf();
    await write('a.parquet', bombOf(bomb), 1);
    await write('b.csv', 'id,name\n1,x\n', 2);
    const memory = await memoryOf(async () => {
      const { records, inputs } = await poll();
      expect(idsIn(records)).toEqual(['1']);
      expect(inputs[0]).toEqual({
        name: 'a.parquet',
        outcome: 'refused',
        reason: expect.stringContaining('MB of memory'),
      });
    });
    expect(memory.own).toBeLessThan(300);
    expect(memory.child).toBeLessThan(3_000);
  });

  const honest = (rows: number, text = 'x') =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'id', data: Array.from({ length: rows }, (_, id) => `${id}`), type: 'STRING' },
          { name: 'text', data: Array.from({ length: rows }, (_, id) => `${text}${id}`), type: 'STRING' },
        ],
      }),
    );

  test('a reader that is killed costs one poll: it says nothing about the file', async () => {
    const { write, read, poll } = await stageOf({ chunk: 10 });
    await write('a.parquet', honest(20_000, 'x'.repeat(50)), 1);
    const polled = read();
    let children: number[] = [];
    while (children.length === 0) children = await childrenOf(process.pid);
    for (const child of children) process.kill(child, 'SIGKILL');
    expect((await polled).flatMap((page) => page.inputs)).toMatchObject([
      { outcome: 'refused', reason: expect.stringContaining('next poll tries again') },
    ]);
    const { records } = await poll();
    expect(records).toHaveLength(20_000);
  });

  test('one process reads file after file, and ends when there are no more', async () => {
    const { write, poll } = await stageOf();
    for (let file = 0; file < 30; file++) await write(`${file}.parquet`, honest(100), file);
    const seen = new Set<number>();
    const note = (ids: readonly number[]) => {
      for (const id of ids) seen.add(id);
    };
    const timer = setInterval(() => void childrenOf(process.pid).then(note), 5);
    const { records } = await poll();
    clearInterval(timer);
    expect(records).toHaveLength(3_000);
    expect(seen.size).toBeLessThan(5);
  });

  test('a row that is longer than a record may be is a dead letter, and costs no other', async () => {
    const { write, poll } = await stageOf({ maxRecordSize: '1MB' });
    const file = parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ['1', '2', '3'], type: 'STRING' },
        { name: 'text', data: ['a', 'b'.repeat(1_100_000), 'c'], type: 'STRING' },
      ],
    });
    await write('a.parquet', Buffer.from(file), 1);
    const { records, bad } = await poll();
    expect(idsIn(records)).toEqual(['1', '3']);
    expect(bad).toEqual([expect.stringMatching(/^a\.parquet, row 2: it is longer than .*\(maxRecordSize\)$/)]);
  });
});
