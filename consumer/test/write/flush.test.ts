import { PoisonError, type Row } from '@tributary/shared';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClaimedRow } from '../../src/claim/claims.js';
import { decode } from '../../src/intake/decode.js';
import { KnownRecords } from '../../src/intake/known-records.js';
import { Settler } from '../../src/intake/settle.js';
import type { Entry } from '../../src/merge/merge.js';
import { RowsRefused } from '../../src/sinks/refused.js';
import { Flush } from '../../src/write/flush.js';
import { WriterLost } from '../../src/writer-lost.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { CUSTOMER, customer, log, newMetrics } from '../support/records.js';

const names = (rows: readonly Row[]): string => rows.map(({ key }) => key).join(' ');

describe('a flush', () => {
  let steps: string[];
  let clock: FakeClock;
  let problems: (string | undefined)[];
  let channel: FakeChannel;
  let settler: Settler;
  let ended: AbortController;
  let metrics: ReturnType<typeof newMetrics>;
  /** Replaced by a test that needs a step to fail. */
  let held: () => Promise<void>;
  let write: (dataset: string, rows: readonly Row[]) => Promise<void>;
  let commit: () => Promise<void>;
  let release: () => Promise<void>;
  let flush: Flush;
  beforeEach(() => {
    steps = [];
    clock = new FakeClock();
    problems = [];
    channel = new FakeChannel();
    ended = new AbortController();
    settler = new Settler({ channel, clock, prefetch: 250, isStarved: () => false, over: ended.signal });
    metrics = newMetrics();
    held = write = commit = release = async () => {};
    const note = (step: string, action: () => Promise<void>) => {
      steps.push(step);
      return action();
    };
    flush = new Flush({
      ledger: {
        commit: (dataset, rows) => note(`commit ${dataset} ${names(rows)}`, commit),
        release: (dataset, rows) => note(`release ${dataset} ${names(rows)}`, () => release()),
        doubt: (dataset, rows) => note(`doubt ${dataset} ${names(rows)}`, async () => {}),
        closeLines: (_merge, records) => note(`close ${records.map(({ key }) => key).join(' ')}`, async () => {}),
      },
      lease: { held: () => note('lease', () => held()) },
      writer: {
        write: async (dataset, rows) => {
          await note(`write ${dataset} ${names(rows)}`, () => write(dataset, rows));
          return { name: dataset, at: rows.length };
        },
        close: async () => {},
      },
      clock,
      log,
      metrics,
      onSinkProblem: (problem) => problems.push(problem),
      signal: ended.signal,
    });
  });

  const merged = (key: string, landed = false): ClaimedRow => ({
    row: { dataset: 'customer_inventory', key, hash: 'h', order: '1', version: '', messageId: '', values: {} },
    landed,
  });
  const entryOf = (id: string, landed: boolean, ...rows: ClaimedRow[]): Entry => {
    const delivery = settler.track(channel.message(customer({ id })), clock.now());
    delivery.ack = () => {
      steps.push(`ack ${id}`);
    };
    delivery.refuse = ({ code, message }) => {
      steps.push(`bury ${id}: ${code}: ${message}`);
    };
    const incoming = decode(delivery, CUSTOMER, new KnownRecords().of(CUSTOMER));
    const record = { key: id, order: '1', payload: '{}', lines: [] };
    return {
      claimed: { ...incoming, claim: { row: incoming.row, landed } },
      merged: rows,
      dropped: [{ merge: 'customer_inventory', record }],
    };
  };

  test('writes and commits the merged rows, then the own rows, and acknowledges when all of that is done', async () => {
    await flush.flush([
      entryOf('C-1', false, merged('C-1/A'), merged('C-1/B')),
      entryOf('C-2', false, merged('C-2/A')),
    ]);
    expect(steps).toEqual([
      'lease',
      'write customer_inventory C-1/A C-1/B C-2/A',
      'commit customer_inventory C-1/A C-1/B C-2/A',
      'lease',
      'write customers C-1 C-2',
      'commit customers C-1 C-2',
      'close C-1 C-2',
      'ack C-1',
      'ack C-2',
    ]);
  });

  test('commits rows that had landed and does not write them again', async () => {
    await flush.flush([entryOf('C-1', true, merged('C-1/A', true), merged('C-1/B')), entryOf('C-2', true)]);
    expect(steps).toEqual([
      'lease',
      'write customer_inventory C-1/B',
      'commit customer_inventory C-1/A C-1/B',
      'commit customers C-1 C-2',
      'close C-1 C-2',
      'ack C-1',
      'ack C-2',
    ]);
    expect(await metrics.registry.metrics()).toContain('tributary_rows_written_total{dataset="customer_inventory"} 1');
  });

  test('writes a tombstone that two records have to make durable once, even if their flushes overlap', async () => {
    const closing: ClaimedRow = { ...merged('C-1/A'), row: { ...merged('C-1/A').row, values: null } };
    let written = () => {};
    write = () => new Promise((resolve) => (written = resolve));
    const both = flush.flush([entryOf('C-1', true, closing), entryOf('C-2', true, closing)]);
    await settled();
    const later = flush.flush([entryOf('C-3', true, closing)]);
    await settled();
    expect(steps).toEqual(['lease', 'write customer_inventory C-1/A']);
    written();
    await Promise.all([both, later]);
    expect(steps.filter((step) => step.startsWith('write'))).toEqual(['write customer_inventory C-1/A']);
    expect(steps.indexOf('commit customer_inventory C-1/A')).toBeLessThan(steps.indexOf('ack C-3'));
    const after = await metrics.registry.metrics();
    expect(after).toContain('tributary_tombstones_written_total{dataset="customer_inventory"} 1');
    await flush.flush([entryOf('C-4', true, closing)]);
    expect(steps.filter((step) => step.startsWith('write'))).toHaveLength(1);
  });

  test('of records without merged rows and lines does nothing else', async () => {
    const { claimed } = entryOf('C-1', false);
    await flush.flush([{ claimed, merged: [], dropped: [] }]);
    expect(steps).toEqual(['lease', 'write customers C-1', 'commit customers C-1', 'ack C-1']);
  });

  test('waits for the lease before it writes', async () => {
    let take = () => {};
    held = () => new Promise((resolve) => (take = resolve));
    const flushing = flush.flush([entryOf('C-1', false)]);
    await settled();
    expect(steps).toEqual(['lease']);
    held = async () => {};
    take();
    await flushing;
    expect(steps.at(-1)).toBe('ack C-1');
  });

  test('waits for a sink that refuses, longer each time, up to five seconds, and says when that begins and ends', async () => {
    write = () => Promise.reject(new Error('ENOSPC: no space left on device'));
    const flushing = flush.flush([entryOf('C-1', false)]);
    await settled();
    const attempts = () => steps.filter((step) => step.startsWith('write')).length;
    expect(attempts()).toBe(1);
    const waits = [500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000];
    for (const [index, wait] of waits.entries()) {
      await clock.advance(wait - 1);
      expect(attempts()).toBe(index + 1);
      await clock.advance(1);
      expect(attempts()).toBe(index + 2);
    }
    expect(new Set(problems)).toEqual(new Set(['customers cannot be written: ENOSPC: no space left on device']));
    expect(steps.some((step) => /commit|ack/.test(step))).toBe(false);
    write = async () => {};
    await clock.advance(10_000);
    await flushing;
    expect(problems.at(-1)).toBeUndefined();
    expect(steps.slice(-3)).toEqual(['commit customers C-1', 'close C-1', 'ack C-1']);
    expect(await metrics.registry.metrics()).toContain('tributary_sink_failures_total{dataset="customers"} 8');
  });

  test('asks for the lease again before each attempt', async () => {
    write = () => Promise.reject(new Error('away'));
    const flushing = flush.flush([entryOf('C-1', false)]);
    await settled();
    held = () => Promise.reject(new WriterLost('fenced'));
    await Promise.all([expect(flushing).rejects.toEqual(new WriterLost('fenced')), clock.advance(500)]);
    expect(steps).toEqual(['lease', 'write customers C-1', 'lease']);
  });

  test.each([
    ['its writer was lost while it wrote', () => (write = () => Promise.reject(new WriterLost('lost')))],
    ['its writer was lost before it committed', () => (commit = () => Promise.reject(new WriterLost('fenced')))],
    ['the ledger fails', () => (commit = () => Promise.reject(new Error('OOM command not allowed')))],
  ])('acknowledges nothing if %s', async (_, fail) => {
    fail();
    await expect(flush.flush([entryOf('C-1', false)])).rejects.toThrow();
    expect(steps.some((step) => step.startsWith('ack'))).toBe(false);
    expect(problems).toEqual([]);
  });

  test('writes no own row if its merged rows could not be committed', async () => {
    commit = () => Promise.reject(new WriterLost('lost'));
    await expect(flush.flush([entryOf('C-1', false, merged('C-1/A'))])).rejects.toEqual(new WriterLost('lost'));
    expect(steps).toEqual(['lease', 'write customer_inventory C-1/A', 'commit customer_inventory C-1/A']);
  });

  test('does not wait for the sink any more when the writer has ended', async () => {
    write = () => Promise.reject(new Error('away'));
    const flushing = flush.flush([entryOf('C-1', false)]);
    await settled();
    ended.abort();
    await expect(flushing).rejects.toThrow('away');
  });

  describe('some of whose rows the sink refuses for what they hold', () => {
    const refusing = (...keys: readonly string[]) => {
      write = async (_dataset, rows) => {
        const refused = rows.filter(({ key }) => keys.includes(key));
        const error = new PoisonError('sink_refused', 'the sink refuses its row', 'email', { fault: 'unique' });
        if (refused.length > 0) throw new RowsRefused(refused.map((row) => ({ row, error })));
      };
    };

    test('lands the others, and buries the record of each refused row once nothing is claimed for it', async () => {
      refusing('C-2');
      await flush.flush([entryOf('C-1', false), entryOf('C-2', false), entryOf('C-3', false)]);
      expect(steps).toEqual([
        'lease',
        'write customers C-1 C-2 C-3',
        'commit customers C-1 C-3',
        'close C-1 C-3',
        'ack C-1',
        'ack C-3',
        'release customers C-2',
        'bury C-2: sink_refused: endpoint crm-customers: customer C-2: the sink refuses its row',
      ]);
      expect(problems).toEqual([]);
      expect(await metrics.registry.metrics()).toContain('tributary_rows_written_total{dataset="customers"} 2');
    });

    test('writes no own row for a record whose merged row is refused, and keeps its other merged rows', async () => {
      refusing('C-1/B');
      await flush.flush([
        entryOf('C-1', false, merged('C-1/A'), merged('C-1/B')),
        entryOf('C-2', false, merged('C-2/A')),
      ]);
      expect(steps).toEqual([
        'lease',
        'write customer_inventory C-1/A C-1/B C-2/A',
        'commit customer_inventory C-1/A C-2/A',
        'lease',
        'write customers C-2',
        'commit customers C-2',
        'close C-2',
        'ack C-2',
        'release customer_inventory C-1/B',
        'release customers C-1',
        'bury C-1: sink_refused: endpoint crm-customers: customer C-1: merged row C-1/B: the sink refuses its row',
      ]);
    });

    test('gives up nothing of a row that had landed before', async () => {
      refusing('C-1/A');
      await flush.flush([entryOf('C-1', true, merged('C-1/A'))]);
      expect(steps.filter((step) => /^(release|commit|ack)/.test(step))).toEqual(['release customer_inventory C-1/A']);
    });

    test('forgets what is known of a refused record that merges hold, before it gives up its claims', async () => {
      refusing('C-1');
      const { claimed, ...entry } = entryOf('C-1', false);
      const claim = { ...claimed.claim, row: { ...claimed.claim.row, version: '' } };
      await flush.flush([{ ...entry, claimed: { ...claimed, claim }, isJoined: true }]);
      expect(steps.filter((step) => /^(doubt|release|bury)/.test(step)).map((step) => step.slice(0, 17))).toEqual([
        'doubt customers C',
        'release customers',
        'bury C-1: sink_re',
      ]);
    });

    test('commits nothing if all are refused', async () => {
      refusing('C-1', 'C-2');
      await flush.flush([entryOf('C-1', false), entryOf('C-2', false)]);
      expect(steps.filter((step) => /^(commit|ack)/.test(step))).toEqual([]);
      expect(steps.filter((step) => step.startsWith('bury'))).toHaveLength(2);
    });

    test('buries nothing if the claims could not be given up', async () => {
      refusing('C-1');
      release = () => Promise.reject(new WriterLost('fenced'));
      await expect(flush.flush([entryOf('C-1', false)])).rejects.toEqual(new WriterLost('fenced'));
      expect(steps.some((step) => step.startsWith('bury'))).toBe(false);
    });
  });

  test('says that a sink does not answer while it waits, and takes that back with the answer', async () => {
    let answer = () => {};
    write = () => new Promise((resolve) => (answer = resolve));
    const flushing = flush.flush([entryOf('C-1', false)]);
    await settled();
    await clock.advance(7_999);
    expect(problems).toEqual([]);
    await clock.advance(1);
    expect(problems).toEqual(['customers cannot be written: the sink has not answered for 8 s; waiting']);
    answer();
    await flushing;
    expect(problems.at(-1)).toBeUndefined();
    expect(clock.sleepers).toBe(0);
  });

  test('of nothing does nothing', async () => {
    await flush.land([]);
    await flush.flush([]);
    expect(steps).toEqual([]);
  });
});
