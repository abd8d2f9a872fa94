import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MEASURES, type Measure } from '../../src/flow/history.js';
import { KeptLines } from '../../src/flow/kept-lines.js';
import { LongHistory } from '../../src/flow/long-history.js';
import { RunHistory } from '../../src/flow/run-history.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describe('what is kept over a restart', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kept-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is read again, but for a line that a crash tore', async () => {
    const path = join(folder, 'deep', 'runs.jsonl');
    const kept = new KeptLines<{ n: number }>(path, 100, () => [], log);
    expect(await kept.load()).toEqual([]);
    kept.add({ n: 1 }, { n: 2 });
    await kept.close();
    await appendFile(path, '\n{"n":');
    kept.add({ n: 3 });
    await kept.close();
    expect(await new KeptLines(path, 100, () => [], log).load()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('stays small: the file is written anew with what is remembered', async () => {
    const path = join(folder, 'runs.jsonl');
    const kept = new KeptLines<{ n: number }>(path, 10, () => [{ n: 98 }, { n: 99 }], log);
    for (let n = 0; n < 11; n++) {
      kept.add({ n });
      await kept.close();
    }
    expect(await readFile(path, 'utf8')).toBe('{"n":98}\n{"n":99}');
  });

  it('is in memory only where the file cannot be written', async () => {
    const kept = new KeptLines<{ n: number }>('/dev/null/runs.jsonl', 10, () => [], log);
    expect(await kept.load()).toEqual([]);
    kept.add({ n: 1 });
    await expect(kept.close()).resolves.toBeUndefined();
  });
});

describe('the history of a day and a month', () => {
  const values = (written: number | null) =>
    Object.fromEntries(MEASURES.map((measure) => [measure, measure === 'written' ? written : 1])) as Record<
      Measure,
      number | null
    >;
  const MINUTE = 60_000;

  it('has the mean of each minute and hour, and comes back as it was', () => {
    const history = new LongHistory();
    const kept = [];
    for (let at = 0; at <= 3 * 60 * MINUTE; at += MINUTE / 2)
      kept.push(...history.record(at, values((at / (MINUTE / 2)) % 2 === 0 ? 10 : 20)));
    expect(history.of('day').at).toHaveLength(180);
    expect(history.of('day').series.written[0]).toBe(15);
    expect(history.of('month').at).toEqual([0, 3_600, 7_200]);
    const again = new LongHistory();
    again.restore([{ span: 'year', at: 1, values: [] } as never, ...kept, ...kept]);
    expect(again.of('day')).toEqual(history.of('day'));
    expect(again.of('month')).toEqual(history.of('month'));
  });

  it('holds no more than a day by the minute, and nothing where nothing was measured', () => {
    const history = new LongHistory();
    for (let at = 0; at <= 2 * 86_400_000; at += MINUTE) history.record(at, values(null));
    expect(history.of('day').at.length).toBeLessThanOrEqual(1_441);
    expect(new Set(history.of('day').series.written)).toEqual(new Set([null]));
  });
});

describe('runs that were seen before a restart', () => {
  const run = (endedAt: string) => ({
    endpoint: 'a',
    run: 1,
    startedAt: endedAt,
    endedAt,
    records: 1,
    published: 1,
    pages: null,
    retries: null,
    producer: 'p',
    error: null,
  });

  it('stand behind those that are seen now, each once, without those of endpoints that are gone', () => {
    const history = new RunHistory(2);
    const [first, second] = [run('2026-01-01T00:00:00.000Z'), run('2026-01-02T00:00:00.000Z')];
    history.restore([first, second, second, { ...first, endpoint: 'gone' }], (id) => id === 'a');
    expect(history.of('a').map(({ endedAt }) => endedAt)).toEqual([second.endedAt, first.endedAt]);
    const lastRun = { endedAt: second.endedAt };
    const state = { endpoint: 'a', state: 'waiting', lastRun, nextRun: null, failures: 0 };
    expect(history.take([state], [])).toEqual([]);
    expect(history.all()).toEqual([first, second]);
  });
});
