import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Sink, SinkWriter } from '../../src/sinks/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { type CsvStore, csvStore } from './csv-store.js';
import { eraseRecord } from './erase-record.js';
import { datasetNamed, mergedRow, partRow } from './records.js';
import { Crash, crashAt, holdAt, withSteps } from './stepping-fs.js';

// Each test runs once for every step on files that the action takes: a process dies, or is held up, just before it.
vi.mock('node:fs/promises', async (original) => (await import('./stepping-fs.js')).stepping(await original()));

const EPOCH = 'sink.run.1';
const NEXT_EPOCH = 'sink.run.2';

let store: CsvStore;
let writer: SinkWriter;
const fresh = async (maxPartSize = 1_000_000) => {
  store = await csvStore({ maxPartSize });
  await store.connect().beginEpoch(EPOCH);
  writer = await store.connect().open('writer-1', EPOCH);
};
const discard = async () => {
  await writer.close().catch(() => {});
  await store.remove();
};
beforeEach(() => fresh());
afterEach(discard);

type Fence = readonly [string, (sink: Sink) => Promise<unknown>];

/** The two ways in which writer-1 is fenced. */
const FENCES: readonly Fence[] = [
  ['it is taken over', (sink) => sink.takeOver('writer-1')],
  ['an epoch begins', (sink) => sink.beginEpoch(NEXT_EPOCH)],
];

const FENCED_TWICE: Fence = [
  'it is taken over, and an epoch begins, which removes the mark',
  async (sink) => {
    await sink.takeOver('writer-1');
    await sink.beginEpoch(NEXT_EPOCH);
  },
];

/** What the writer is in the middle of. */
const WRITES: [string, { maxPartSize: number; before: number }][] = [
  ['its first write', { maxPartSize: 1_000_000, before: 0 }],
  ['a later write', { maxPartSize: 1_000_000, before: 1 }],
  ['a write that begins the next part', { maxPartSize: 1, before: 1 }],
];

const A_ROW = partRow('landed', 1);
const ROWS = [partRow('new 1', 1), partRow('new 2', 1, 'two\nlines')];

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.connect().scan(datasetNamed('parts'))) found.push(key);
  return found.sort();
}

/** Each file has whole lines and one header, and there is no file that only a crash explains. */
async function expectSound(): Promise<void> {
  for (const [name, content] of await store.files('parts')) {
    expect(name).toMatch(/^part-/);
    expect(content).toMatch(/^sku,revision,[^\r\n]*\r\n/);
    expect(content.endsWith('\r\n')).toBe(true);
    expect(content.split('_written_at')).toHaveLength(2);
  }
}

/** Runs `attempt` with 0, 1, 2 and so on, each on a new store, until it says that there was no such step. */
async function forEachStep(attempt: (at: number) => Promise<boolean>, maxPartSize?: number): Promise<void> {
  let steps = 0;
  for (let more = true; more; steps++) {
    await discard();
    await fresh(maxPartSize);
    more = await attempt(steps);
  }
  // Fewer steps would mean that the steps are not noticed.
  expect(steps).toBeGreaterThan(3);
}

describe.each(FENCES)('when %s', (_when, fence) => {
  test('the process that does it may die at any step, and another completes it', async () => {
    await forEachStep(async (at) => {
      await writer.write('parts', [A_ROW]);
      await appendFile(join(store.directory, 'parts', 'part-writer-1-1.csv'), 'X,1,"torn');
      const crash = crashAt(at);
      const attempt = withSteps(crash.step, () => fence(store.connect()));
      if (crash.happened()) await expect(attempt).rejects.toBeInstanceOf(Crash);
      else await attempt.catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
      await fence(store.connect());
      await expectSound();
      await expect(writer.write('parts', ROWS)).rejects.toBeInstanceOf(WriterLost);
      expect(await keys()).toEqual(['landed']);
      return crash.happened();
    });
  });

  test('the process that does it may be held up at any step, while another completes it and readers read', async () => {
    await forEachStep(async (at) => {
      await writer.write('parts', [A_ROW]);
      await appendFile(join(store.directory, 'parts', 'part-writer-1-1.csv'), 'X,1,"torn');
      const slow = await holdAt(at, () => fence(store.connect()));
      expect(await keys()).toEqual(['landed']);
      await fence(store.connect());
      expect(await keys()).toEqual(['landed']);
      await expect(writer.write('parts', ROWS)).rejects.toBeInstanceOf(WriterLost);
      slow.letGo();
      await slow.outcome;
      await expectSound();
      expect(await keys()).toEqual(['landed']);
      return slow.held;
    });
  });
});

describe.each([...FENCES, FENCED_TWICE])('when %s', (_when, fence) => {
  test.each(WRITES)(
    'in the middle of %s, at any step, either the write succeeds or no reader ever sees its rows',
    async (_what, how) => {
      await forEachStep(async (at) => {
        if (how.before > 0) await writer.write('parts', [A_ROW]);
        const slow = await holdAt(at, () =>
          writer.write('parts', ROWS).then(
            () => 'durable',
            (error: unknown) => error,
          ),
        );
        await fence(store.connect());
        const seen = await keys();
        slow.letGo();
        const outcome = await slow.outcome;
        expect(await keys()).toEqual(seen);
        if (outcome === 'durable') expect(seen).toEqual(expect.arrayContaining(['new 1', 'new 2']));
        else expect(outcome).toBeInstanceOf(WriterLost);
        // It was held up before it wrote anything, so it must find the fence.
        if (at === 0) expect(outcome).toBeInstanceOf(WriterLost);
        await expectSound();
        return slow.held;
      }, how.maxPartSize);
    },
  );
});

test('a process that begins an epoch, and is held up at any step, frees no writer that was fenced in a later epoch', async () => {
  await forEachStep(async (at) => {
    const slow = await holdAt(at, () => store.connect().beginEpoch(NEXT_EPOCH));
    await store.connect().beginEpoch('sink.run.3');
    // It has no part yet, so nothing but its mark and its epoch tells it.
    const later = await store.connect().open('writer-3', 'sink.run.3');
    await store.connect().takeOver('writer-3');
    slow.letGo();
    await slow.outcome;
    await expect(later.write('parts', ROWS)).rejects.toBeInstanceOf(WriterLost);
    await later.close();
    expect(await keys()).toEqual([]);
    return slow.held;
  });
});

test.each(WRITES)(
  'a writer that dies at any step of %s leaves whole rows once it is taken over',
  async (_what, how) => {
    await forEachStep(async (at) => {
      if (how.before > 0) await writer.write('parts', [A_ROW]);
      const crash = crashAt(at);
      const outcome = await withSteps(crash.step, () => writer.write('parts', ROWS)).then(
        () => 'durable',
        (error: unknown) => error,
      );
      const landed = await store.connect().takeOver('writer-1');
      await expectSound();
      const seen = await keys();
      expect(ROWS.filter((row) => landed.has(row)).map(({ key }) => key)).toEqual(
        seen.filter((key) => key !== 'landed'),
      );
      if (outcome === 'durable') expect(seen).toEqual(expect.arrayContaining(['new 1', 'new 2']));
      else expect(outcome).toBeInstanceOf(Crash);
      return crash.happened();
    }, how.maxPartSize);
  },
);

describe('when the disk is full', () => {
  /** A disk that takes this many bytes and no more, until it is told to. The part of a write that fits is written, as on a real disk. */
  const disk = (bytes: number) => {
    let left = bytes;
    return {
      free: () => (left = Number.POSITIVE_INFINITY),
      step(what: string, args: readonly unknown[]) {
        if (what !== 'write') return;
        const [, , length] = args as [Buffer, number, number];
        if (left <= 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        (args as number[])[2] = Math.min(length, left);
        left -= length;
      },
    };
  };

  test.each([0, 1, 50, 100, 150, 250, 350])(
    'after %d bytes, a write fails as a whole and the next one finds no trace of it',
    async (bytes) => {
      const { free, step } = disk(bytes);
      await withSteps(step, async () => {
        await expect(writer.write('parts', ROWS)).rejects.toThrow('ENOSPC');
        expect(await keys()).toEqual([]);
        await expect(writer.write('parts', ROWS)).rejects.toThrow('ENOSPC');
        free();
        await writer.write('parts', [...ROWS, A_ROW]);
      });
      expect(await keys()).toEqual(['landed', 'new 1', 'new 2']);
      await expectSound();
      await writer.close();
      await expectSound();
    },
  );

  test('a writer that ends leaves no torn line', async () => {
    await writer.write('parts', [A_ROW]);
    await withSteps(disk(30).step, async () => {
      await expect(writer.write('parts', ROWS)).rejects.toThrow('ENOSPC');
      await writer.close();
    });
    await expectSound();
    expect(await keys()).toEqual(['landed']);
  });

  test('and what was written cannot be cut either, it is cut before anything is written behind it', async () => {
    await writer.write('parts', [A_ROW]);
    const { step } = disk(30);
    const stuck = (what: string, args: readonly unknown[]) => {
      if (what === 'truncate') throw new Error('EIO: i/o error, ftruncate');
      step(what, args);
    };
    await withSteps(stuck, async () => {
      await expect(writer.write('parts', ROWS)).rejects.toThrow('ENOSPC');
      await expect(writer.write('parts', ROWS)).rejects.toThrow('EIO');
      expect(await keys()).toEqual(['landed']);
    });
    await writer.write('parts', ROWS);
    expect(await keys()).toEqual(['landed', 'new 1', 'new 2']);
    await expectSound();
  });

  test('and what was written cannot be cut either, a writer that ends cuts it later or leaves its part to others', async () => {
    await writer.write('parts', [A_ROW]);
    const { step } = disk(30);
    await withSteps(
      (what, args) => {
        if (what === 'truncate') throw new Error('EIO: i/o error, ftruncate');
        step(what, args);
      },
      async () => {
        await expect(writer.write('parts', ROWS)).rejects.toThrow('ENOSPC');
        await expect(writer.close()).rejects.toThrow('EIO');
      },
    );
    await store.connect().takeOver('writer-1');
    await expectSound();
    expect(await keys()).toEqual(['landed']);
  });
});

describe('the output is the same one', () => {
  const identity = () => store.connect().identity();
  const firstWrite = () => writer.write('parts', [A_ROW]);
  /** The steps at which the output was taken for another one. */
  let changed: number[];
  beforeEach(() => {
    changed = [];
  });

  test('for another consumer that starts (held up at any step) while a part begins', async () => {
    await forEachStep(async (at) => {
      const before = await identity();
      const slow = await holdAt(at, identity);
      await firstWrite();
      slow.letGo();
      if ((await slow.outcome) !== before) changed.push(at);
      return slow.held;
    });
    expect(changed).toEqual([]);
  });

  test('for another consumer that starts while one is held up at any step of its first write', async () => {
    await forEachStep(async (at) => {
      const before = await identity();
      const slow = await holdAt(at, firstWrite);
      const seen = await identity();
      slow.letGo();
      await slow.outcome;
      if (seen !== before) changed.push(at);
      return slow.held;
    });
    expect(changed).toEqual([]);
  });

  test('after a writer that dies at any step of its first write', async () => {
    await forEachStep(async (at) => {
      const before = await identity();
      const crash = crashAt(at);
      await withSteps(crash.step, firstWrite).catch(() => {});
      if ((await identity()) !== before) changed.push(at);
      return crash.happened();
    });
    expect(changed).toEqual([]);
  });

  test('no more when a part was deleted, although the process that looked before was held up at any step', async () => {
    const unnoticed: number[] = [];
    await forEachStep(async (at) => {
      await identity();
      const slow = await holdAt(at, identity);
      await firstWrite();
      slow.letGo();
      const before = await slow.outcome;
      await rm(join(store.directory, 'parts', 'part-writer-1-1.csv'));
      if ((await identity()) === before) unnoticed.push(at);
      return slow.held;
    });
    expect(unnoticed).toEqual([]);
  });
});

test('finds five writes in doubt (two stories, two flushes, the remerge), each in a part of its own', async () => {
  await discard();
  await fresh(1);
  const rows = [1, 2, 3, 4, 5].map((n) => partRow(`row ${n}`, 1));
  // As a session does them: each waits for its own commit after its own write. None is committed when the process dies.
  for (const row of rows) await writer.write('parts', [row]);
  const landed = await store.connect().takeOver('writer-1');
  expect(rows.map((row) => landed.has(row))).toEqual([true, true, true, true, true]);
});

describe('a part that another program has changed', () => {
  const path = () => join(store.directory, 'parts', 'part-writer-1-1.csv');
  const CHANGES: [string, () => Promise<void>][] = [
    ['deleted', () => rm(path())],
    ['cut while it is open to its writer', () => truncate(path(), 150)],
    [
      'cut after its writer was done with it',
      async () => {
        await writer.close();
        await truncate(path(), 150);
      },
    ],
  ];

  test.each(CHANGES)('(%s) is noticed although a consumer that notices it dies at any step', async (_how, change) => {
    const unnoticed: number[] = [];
    await forEachStep(async (at) => {
      const before = await store.connect().identity();
      await writer.write('parts', [A_ROW, ...ROWS]);
      await change();
      const crash = crashAt(at);
      await withSteps(crash.step, () => store.connect().identity()).catch((error: unknown) =>
        expect(error).toBeInstanceOf(Crash),
      );
      const after = await store.connect().identity();
      if (after === before) unnoticed.push(at);
      expect(await store.connect().identity()).toBe(after);
      await store.connect().beginEpoch(NEXT_EPOCH);
      expect(await store.connect().identity()).toBe(after);
      expect(await keys()).toEqual([]);
      return crash.happened();
    });
    expect(unnoticed).toEqual([]);
  });

  test.each(CHANGES)(
    '(%s) gives the output one new name, although another consumer is held up at any step',
    async (_how, change) => {
      await forEachStep(async (at) => {
        const before = await store.connect().identity();
        await writer.write('parts', [A_ROW, ...ROWS]);
        await change();
        const slow = await holdAt(at, () => store.connect().identity());
        const seen = await store.connect().identity();
        expect(seen).not.toBe(before);
        slow.letGo();
        await slow.outcome;
        // It may have found the change before the other had taken note of it, and then gives a name once more.
        const after = await store.connect().identity();
        expect(after).not.toBe(before);
        expect(await store.connect().identity()).toBe(after);
        return slow.held;
      });
    },
  );
});

describe('removing a key', () => {
  const { orderOf } = datasetNamed('parts');
  const newest = partRow('old', 3, 'canary, the newest');
  const remove = async (epoch = NEXT_EPOCH, sink = store.connect()) => {
    await sink.beginEpoch(epoch, true);
    await sink.prepare?.(epoch);
    return await sink.removeKeys?.(epoch, datasetNamed('parts'), new Map([['old', newest.order]]));
  };
  /** The newest in the first of two parts. */
  const write = async () => {
    await writer.write('parts', [A_ROW, newest, ...ROWS]);
    await writer.close();
    const next = await store.connect().open('writer-9', EPOCH);
    await next.write('parts', [partRow('old', 2, 'canary\nof two lines'), partRow('last', 1)]);
    await next.close();
  };
  const others = ['landed', 'last', 'new 1', 'new 2'];
  const contents = async () => [...(await store.files('parts')).values()].join('');
  /** The newest order of the key; undefined if it is gone. */
  const state = async () => {
    let found: string | undefined;
    for await (const { key, version, messageId } of store.connect().scan(datasetNamed('parts'))) {
      const order = orderOf(version, messageId);
      if (key === 'old' && (found === undefined || order > found)) found = order;
    }
    return found;
  };

  test('the process may die at any step: its newest row is there or none, and the next epoch completes it', async () => {
    await forEachStep(async (at) => {
      await write();
      const kept = (await store.connect().inspect({})).marks;
      const before = await store.connect().identity();
      const crash = crashAt(at);
      await withSteps(crash.step, () => remove()).catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
      await expectSound();
      expect([newest.order, undefined]).toContain(await state());
      await remove('sink.run.3');
      expect(new Set(await keys())).toEqual(new Set(others));
      expect(await contents()).not.toContain('canary');
      await expectSound();
      expect(await store.connect().inspect(kept)).toMatchObject({ lost: undefined });
      expect(await store.connect().identity()).toBe(before);
      return crash.happened();
    });
  });

  test('it may be held up at any step, while another does the same and a writer writes the key anew', async () => {
    await forEachStep(async (at) => {
      await write();
      const slow = await holdAt(at, () => remove().catch((error: unknown) => error));
      await remove('sink.run.3');
      const next = await store.connect().open('writer-2', 'sink.run.3');
      await next.write('parts', [partRow('old', 4), partRow('fresh', 1)]);
      slow.letGo();
      const outcome = await slow.outcome;
      await next.close().catch(() => {});
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(WriterLost);
      expect(await state()).toBe(partRow('old', 4).order);
      expect(new Set(await keys())).toEqual(new Set(['fresh', 'old', ...others]));
      expect(await contents()).not.toContain('canary');
      await expectSound();
      return slow.held;
    });
  });
});

describe('forgetting older states', () => {
  const forget = async (epoch = NEXT_EPOCH, sink = store.connect()) => {
    await sink.beginEpoch(epoch, true);
    await sink.prepare?.(epoch);
    return await sink.forgetHistory?.(epoch, Date.now() + 1_000);
  };
  const write = async () => {
    await writer.write('parts', [A_ROW, partRow('old', 1, 'canary\nof two lines'), ...ROWS]);
    await writer.write('parts', [partRow('old', 2, 'canary again'), partRow('last', 1)]);
    await writer.write('parts', [partRow('old', 3)]);
    await writer.close();
  };
  const all = ['landed', 'last', 'new 1', 'new 2', 'old'];
  const contents = async () => [...(await store.files('parts')).values()].join('');

  test('the process may die at any step, and the next epoch completes it', async () => {
    await forEachStep(async (at) => {
      await write();
      const kept = (await store.connect().inspect({})).marks;
      const before = await store.connect().identity();
      const crash = crashAt(at);
      await withSteps(crash.step, () => forget()).catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
      await expectSound();
      expect(new Set(await keys())).toEqual(new Set(all));
      await forget('sink.run.3');
      expect(await keys()).toEqual(all);
      expect(await contents()).not.toContain('canary');
      await expectSound();
      expect(await store.connect().inspect(kept)).toMatchObject({ lost: undefined });
      expect(await store.connect().identity()).toBe(before);
      return crash.happened();
    }, 1);
  });

  test('it may be held up at any step, while another does the same and a writer writes', async () => {
    await forEachStep(async (at) => {
      await write();
      const slow = await holdAt(at, () => forget().catch((error: unknown) => error));
      await forget('sink.run.3');
      const next = await store.connect().open('writer-2', 'sink.run.3');
      const wrote = await next.write('parts', [partRow('old', 4), partRow('fresh', 1)]).then(() => true);
      slow.letGo();
      const outcome = await slow.outcome;
      await next.close().catch(() => {});
      // Held up before its own epoch began, it ends that of the other.
      expect(wrote).toBe(true);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(WriterLost);
      await forget('sink.run.4');
      expect(await keys()).toEqual(['fresh', ...all]);
      expect(await contents()).not.toContain('canary');
      await expectSound();
      return slow.held;
    });
  });

  test('a part that is put back from an older copy is noticed, and its older states are forgotten once more', async () => {
    await write();
    const path = join(store.directory, 'parts', 'part-writer-1-1.csv');
    const older = await readFile(path);
    await forget();
    const before = await store.connect().identity();
    await writeFile(path, older);
    expect(await store.connect().identity()).not.toBe(before);
    await forget('sink.run.3');
    expect(await contents()).not.toContain('canary');
    expect(await keys()).toEqual(all);
  });
});

describe('erasing a key', () => {
  const erase = (key = 'old', sink = store.connect()) => eraseRecord(sink, key);
  const pending = async () => (await store.connect().erasures?.list())?.filter(({ todo }) => todo !== undefined);
  /** Every file of the output that holds a text, hidden ones and leftovers too. */
  const filesWith = async (text: string) => {
    const names = await readdir(store.directory, { recursive: true, withFileTypes: true });
    const files = names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
    const contents = await Promise.all(files.map((path) => readFile(path, 'utf8')));
    return files.filter((_, index) => contents[index]?.includes(text));
  };
  const OLD = partRow('old', 1, 'canary\nof two lines');
  const write = async () => {
    await writer.write('parts', [A_ROW, OLD, ...ROWS]);
    await writer.write('parts', [partRow('old', 2, 'canary again'), partRow('last', 1)]);
    await writer.close();
  };
  const left = ['landed', 'last', 'new 1', 'new 2'];

  test.each([1, 1_000_000])(
    'the process may die at any step, and the command that is given again completes it',
    async (maxPartSize) => {
      await forEachStep(async (at) => {
        await write();
        const kept = (await store.connect().inspect({})).marks;
        const before = await store.connect().identity();
        const crash = crashAt(at);
        await withSteps(crash.step, () => erase()).catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
        // At any moment the output is sound, and nothing is taken for lost.
        await expectSound();
        expect(await store.connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await store.connect().identity()).toBe(before);
        const { removed } = await erase();
        // None is left to be counted where all was done before it died.
        expect([2, 0]).toContain(Object.values(removed).reduce((sum, n) => sum + n, 0));
        expect(await keys()).toEqual(left);
        expect(await filesWith('canary')).toEqual([]);
        // Nor the key itself, in what a process has left that died while it noted what is to be done.
        expect(await filesWith('"key":"old"')).toEqual([]);
        expect(await pending()).toEqual([]);
        await expectSound();
        expect(await store.connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await store.connect().identity()).toBe(before);
        return crash.happened();
      }, maxPartSize);
    },
  );

  test('the process may die at any step once it was noted, and the next epoch completes it', async () => {
    await forEachStep(async (at) => {
      await write();
      const crash = crashAt(at);
      await withSteps(crash.step, () => erase()).catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
      const wasNoted = (await store.connect().erasures?.list())?.some((one) => one.todo !== undefined) ?? false;
      const wasDone = (await store.connect().erasures?.list())?.some((one) => one.doneAt !== undefined) ?? false;
      const next = store.connect();
      await next.beginEpoch(NEXT_EPOCH);
      await next.prepare?.(NEXT_EPOCH);
      const isGone = wasNoted || wasDone;
      expect(await keys()).toEqual(isGone ? left : [...left, 'old', 'old'].sort());
      if (isGone) expect(await filesWith('canary')).toEqual([]);
      await expectSound();
      return crash.happened();
    });
  });

  test('it may be held up at any step, while others erase this key and another one, and a writer writes', async () => {
    await forEachStep(async (at) => {
      await write();
      const slow = await holdAt(at, () => erase().catch((error: unknown) => error));
      await erase('landed');
      const next = store.connect();
      await next.beginEpoch(NEXT_EPOCH);
      await next.prepare?.(NEXT_EPOCH);
      const fresh = await next.open('writer-2', NEXT_EPOCH);
      const wrote = await fresh.write('parts', [partRow('fresh', 1)]).then(() => true);
      await fresh.close();
      slow.letGo();
      await slow.outcome;
      await erase();
      expect(wrote).toBe(true);
      // What one of them has erased the other has not brought back.
      expect(await keys()).toEqual(['fresh', 'last', 'new 1', 'new 2']);
      expect(await filesWith('canary')).toEqual([]);
      await expectSound();
      expect(await store.connect().identity()).toBe(await store.connect().identity());
      return slow.held;
    });
  });

  test('lines that a spreadsheet has saved so that they are no rows are counted: nobody can tell whose they are', async () => {
    await write();
    expect((await erase('last')).unread).toEqual({});
    const path = join(store.directory, 'parts', 'part-writer-1-1.csv');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replaceAll(',false\r\n', ',FALSE\r\n').replaceAll(',false,', ',FALSE,'));
    const { unread } = await erase();
    expect(Object.keys(unread)).toEqual(['parts/part-writer-1-1.csv']);
    expect(await filesWith('canary')).not.toEqual([]);
  });

  test('a half row that a consumer makes anew meanwhile is nothing of the record, and a whole one is', async () => {
    const whole = mergedRow('T/old', 1);
    const half = {
      ...whole,
      version: whole.version.replace(/ .*/, ' '),
      messageId: whole.messageId.replace(/ .*/, ' '),
    };
    for (const [name, row] of [
      ['half', half],
      ['whole', whole],
    ] as const) {
      const sink = store.connect();
      const prepare = sink.prepare?.bind(sink);
      vi.spyOn(sink, 'prepare').mockImplementation(async (epoch) => {
        await prepare?.(epoch);
        const next = await store.connect().open(`writer-${name}`, epoch);
        await next.write('thing_parts', [row]);
        await next.close();
      });
      const erased = erase('old', sink);
      if (name === 'half') await erased;
      else await expect(erased).rejects.toThrow('rows of the key are still in');
    }
  });

  test('another program that puts an older copy of a part back is noticed', async () => {
    await write();
    const path = join(store.directory, 'parts', 'part-writer-1-1.csv');
    const older = await readFile(path);
    await erase();
    const before = await store.connect().identity();
    await writeFile(path, older);
    expect(await store.connect().identity()).not.toBe(before);
    expect(await keys()).toContain('old');
    await erase();
    expect(await keys()).toEqual(left);
  });
});

/** An error of the file system, as Node throws it. */
const failure = (code: string) => Object.assign(new Error(`${code}: injected by the test`), { code });

describe('a file system', () => {
  const refusing = (code: string, refused: (what: string, args: readonly unknown[]) => boolean) => {
    return (what: string, args: readonly unknown[]) => {
      if (refused(what, args)) throw failure(code);
    };
  };

  test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'])('that refuses hard links (%s) needs none', async (code) => {
    const step = refusing(code, (what) => what === 'link');
    await withSteps(step, async () => {
      const name = await store.connect().identity();
      await writer.write('parts', [A_ROW]);
      await appendFile(join(store.directory, 'parts', 'part-writer-1-1.csv'), 'X,1,"torn');
      const landed = await store.connect().takeOver('writer-1');
      expect(landed.has(A_ROW)).toBe(true);
      await expect(writer.write('parts', ROWS)).rejects.toBeInstanceOf(WriterLost);
      expect(await store.connect().identity()).toBe(name);
      await expectSound();
    });
  });

  test.each(FENCES)(
    'that holds the datasets elsewhere (EXDEV) lets parts be sealed when %s, and a process die at any step',
    async (_when, fence) => {
      const isApart = refusing('EXDEV', (what, [from, to]) => what === 'rename' && apart(String(from), String(to)));
      const apart = (...paths: string[]) => new Set(paths.map((one) => one.includes('/.tributary/'))).size > 1;
      await forEachStep(async (at) => {
        await writer.write('parts', [A_ROW]);
        await appendFile(join(store.directory, 'parts', 'part-writer-1-1.csv'), 'X,1,"torn');
        const crash = crashAt(at);
        const both = (what: string, args: readonly unknown[]) => {
          void crash.step(what, args);
          isApart(what, args);
        };
        await withSteps(both, () => fence(store.connect())).catch(() => {});
        await withSteps(isApart, () => fence(store.connect()));
        await expect(writer.write('parts', ROWS)).rejects.toBeInstanceOf(WriterLost);
        expect(await keys()).toEqual(['landed']);
        for (const [name, content] of await store.files('parts')) {
          // A copy of a process that died is hidden from readers.
          expect(name).toMatch(/^\.?part-/);
          if (name.startsWith('part-')) expect(content.endsWith('\r\n')).toBe(true);
        }
        return crash.happened();
      });
    },
  );

  test.each([
    ['EDQUOT', /the disk quota of this user is used up: raise it/],
    ['EROFS', /the file system is read-only/],
    ['EIO', /reports an error: see dmesg/],
    ['EMFILE', /this process has too many files open: raise its limit/],
    ['ENFILE', /this machine has too many files open/],
    ['ESTALE', /mount it again/],
  ])('that answers %s at any step of a write is told in words, and takes the same rows later', async (code, words) => {
    await forEachStep(async (at) => {
      await writer.write('parts', [A_ROW]);
      let count = 0;
      const step = (what: string) => {
        if (what !== 'close' && count++ === at) throw failure(code);
      };
      const outcome = await withSteps(step, () => writer.write('parts', ROWS)).then(
        () => undefined,
        (error: Error) => error,
      );
      if (outcome !== undefined) {
        expect(outcome).not.toBeInstanceOf(WriterLost);
        expect(outcome.message).toMatch(code);
        expect(outcome.message).toMatch(words);
        await writer.write('parts', ROWS);
      }
      expect(await keys()).toEqual(['landed', 'new 1', 'new 2']);
      await expectSound();
      return count > at;
    });
  });

  test.each(['ENOSPC', 'EDQUOT', 'EROFS'])(
    'that takes no more (%s) leaves no file behind with each retry',
    async (code) => {
      await writer.write('parts', [A_ROW]);
      const before = await readdir(store.directory, { recursive: true });
      const refuse = refusing(code, (what) => ['copyFile', 'write', 'writeFile', 'datasync', 'sync'].includes(what));
      await withSteps(refuse, async () => {
        for (let retry = 0; retry < 5; retry++) {
          await expect(store.connect().takeOver('writer-1')).rejects.toThrow(code);
          await expect(store.connect().beginEpoch(NEXT_EPOCH)).rejects.toThrow(code);
          await expect(store.connect().probe()).rejects.toThrow(code);
        }
      });
      const after = await readdir(store.directory, { recursive: true });
      expect(after.filter((name) => !before.includes(name) && /[0-9a-f]{16}$/.test(name))).toEqual([]);
      await store.connect().beginEpoch(NEXT_EPOCH);
      expect(await keys()).toEqual(['landed']);
      await expectSound();
    },
  );
});
