import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EndpointConfig, tombstoneHash } from '@tributary/shared';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { audit } from '../src/audit/audit.js';
import type { Changes } from '../src/audit/changes.js';
import type { Removed } from '../src/audit/gone.js';
import type { Counts } from '../src/audit/report.js';
import { csvRows } from '../src/audit/sinks/csv.js';
import { postgresRows } from '../src/audit/sinks/postgres.js';
import { LandedTimes } from '../src/audit/times.js';
import {
  at,
  linesOf,
  orderRow,
  partOf,
  recordRow,
  rightRows,
  type SampleRows,
  samplePipeline,
  sampleRecords,
  storeSample,
  truthOf,
  writeSample,
} from './audit-sample.js';

const CLEAN = {
  customers: counts({ expected: 3, found: 3 }),
  items: counts({ expected: 2, found: 2 }),
  orders: counts({ expected: 3, found: 3 }),
};

function counts(some: Partial<Counts>): Counts {
  const none = { missing: 0, duplicated: 0, torn: 0, stale: 0, wrongHash: 0, wrongMerge: 0 };
  return { expected: 0, found: 0, ...none, ...some };
}

/** The clean report with what differs. */
function report(different: Partial<Record<keyof SampleRows, Partial<Counts>>>) {
  const audit = Object.entries(CLEAN).map(([name, clean]) => [
    name,
    { ...clean, ...different[name as keyof SampleRows] },
  ]);
  return { audit: Object.fromEntries(audit), ok: false };
}

describe('an audit of CSV', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tributary-audit-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  interface Run {
    readonly truth?: Record<string, readonly unknown[]>;
    readonly changes?: Changes;
    readonly live?: boolean;
    /** How the endpoint of the items deletes. */
    readonly deletes?: NonNullable<EndpointConfig['deletes']>;
    /** What else of that endpoint is another. */
    readonly endpoint?: object;
    /** Records that the API has removed. */
    readonly removed?: readonly unknown[];
    /** Records of these entities are too old whose version is that of this second or before. */
    readonly tooOld?: Readonly<Record<string, number>>;
    readonly gone?: Removed;
  }
  const run = (options: Run = {}) => {
    const sample = samplePipeline(directory);
    const { customers, items } = sample.endpoints;
    if (customers === undefined || items === undefined) throw new Error('the sample has two endpoints');
    const ages = Object.entries(options.tooOld ?? {}).map(([name, second]) => {
      return [name, Date.now() - Date.parse(at(second)) - 500] as const;
    });
    const config = {
      ...sample,
      retention: { rows: Object.fromEntries(ages) },
      endpoints: { customers, items: { ...items, deletes: options.deletes, ...options.endpoint } },
    };
    return audit({
      config,
      truth: truthOf(options.truth ?? sampleRecords, options.removed),
      sink: csvRows(config.sink.csv, options.live === true),
      changes: options.changes,
      removed: options.gone,
      ...(options.live ? { settledBefore: Date.parse('2026-01-01T00:01:00Z') } : {}),
    });
  };

  /** Writes what is right, but for one thing. */
  const plant = (change: (rows: SampleRows) => void) => {
    const rows = rightRows();
    change(rows);
    writeSample(directory, rows);
  };
  const tamper = (dataset: keyof SampleRows, change: (text: string) => string) => {
    writeSample(directory, rightRows());
    const path = partOf(directory, dataset);
    const [before, after] = [readFileSync(path, 'utf8'), change(readFileSync(path, 'utf8'))];
    expect(after).not.toBe(before);
    writeFileSync(path, after);
  };

  test('finds nothing wrong with what is right', async () => {
    writeSample(directory, rightRows());
    expect(await run()).toEqual({ audit: CLEAN, ok: true, findings: [], leftOut: 0, overtaken: 0 });
  });

  test('reads a history whatever the order of its lines, and over several parts', async () => {
    const rows = rightRows();
    const [header = '', ...lines] = linesOf('customers', rows.customers).reverse().toReversed();
    writeSample(directory, { ...rows, customers: [] });
    writeFileSync(join(directory, 'customers', 'part-v-1.csv'), [header, ...lines.slice(2)].join(''));
    writeFileSync(join(directory, 'customers', 'part-v-2.csv'), [header, lines[1], lines[0]].join(''));
    expect(await run()).toMatchObject({ audit: CLEAN, ok: true });
  });

  describe('of a record that the API has removed', () => {
    const [S1, S2] = sampleRecords.item;
    const gone = { truth: { ...sampleRecords, item: [S1] }, removed: [S2] };
    const missing = { missing: true };
    /** Its tombstone, and that of the merged row that pointed at it. */
    const close = (rows: SampleRows) => {
      const { hash, ...row } = recordRow('item', 'sku', { ...S2, price: 0 }, 'm07');
      rows.items.push({ ...row, hash: tombstoneHash('item', row.key, row.version), values: null });
      rows.orders.push(orderRow('C2/S2', ['m03', at(11)], ['m07', row.version], null));
    };

    test('finds nothing wrong where tombstones close its rows', async () => {
      plant(close);
      const expected = {
        ...CLEAN,
        items: counts({ expected: 1, found: 1 }),
        orders: counts({ expected: 2, found: 2 }),
      };
      expect(await run({ ...gone, deletes: missing })).toMatchObject({ audit: expected, ok: true, leftOut: 0 });
    });

    test('counts its rows as stale where they are still there', async () => {
      writeSample(directory, rightRows());
      expect(await run({ ...gone, deletes: missing })).toMatchObject({
        audit: { items: { expected: 1, stale: 1 }, orders: { expected: 2, stale: 1 } },
        ok: false,
      });
    });

    test('does not judge them where the endpoint does not look for what is missing', async () => {
      writeSample(directory, rightRows());
      expect(await run({ ...gone })).toMatchObject({ ok: true, leftOut: 1 });
    });

    test.each([
      ['follows the changes of a table', { source: 'postgres-changes' }],
      ['takes events, of which one says so', { source: 'webhook', deletes: { when: 'has(raw.gone)' } }],
      ['polls a database, and looks for what is missing', { source: 'sql', deletes: missing }],
      ['reads files, and looks for what is missing', { source: 'files', deletes: missing }],
    ])('counts its rows as stale where the endpoint %s', async (_words, endpoint) => {
      writeSample(directory, rightRows());
      const stale = { items: { expected: 1, stale: 1 }, orders: { expected: 2, stale: 1 } };
      expect(await run({ ...gone, endpoint })).toMatchObject({ audit: stale, ok: false });
    });

    test.each([
      ['takes events, none of which says so', { source: 'webhook' }],
      ['polls a database by its versions', { source: 'sql' }],
      ['reads files that only grow', { source: 'files' }],
    ])('does not judge them where the endpoint %s', async (_words, endpoint) => {
      writeSample(directory, rightRows());
      expect(await run({ ...gone, endpoint })).toMatchObject({ ok: true, leftOut: 1 });
    });

    test('counts its rows as stale where the API marks it, and they are still there', async () => {
      writeSample(directory, rightRows());
      const deletes = { missing: false, when: 'sku == "S2"' };
      expect(await run({ deletes })).toMatchObject({ audit: { items: { expected: 1, stale: 1 } }, ok: false });
      plant(close);
      expect(await run({ deletes })).toMatchObject({ audit: { items: { expected: 1, found: 1 } }, ok: true });
    });
  });

  describe('of records that are kept for a time', () => {
    const without = (key: RegExp) =>
      plant((rows) => {
        for (const of of [rows.customers, rows.items, rows.orders])
          of.splice(0, of.length, ...of.filter((row) => !key.test(row.key)));
      });
    const ADA_IS = { tooOld: { customer: 10 } };

    test('finds nothing wrong where one that is too old is gone, or still there', async () => {
      without(/^C(%2F|\/)1/);
      const customers = counts({ expected: 2, found: 2 });
      expect(await run(ADA_IS)).toMatchObject({
        audit: { customers, orders: counts({ expected: 1, found: 1 }) },
        ok: true,
      });
      writeSample(directory, rightRows());
      expect(await run(ADA_IS)).toMatchObject({ audit: CLEAN, ok: true });
    });

    test('misses one that is not', async () => {
      without(/^C2/);
      expect(await run(ADA_IS)).toMatchObject({
        audit: { customers: { missing: 1 }, orders: { missing: 1 } },
        ok: false,
      });
      without(/^C(%2F|\/)1/);
      expect(await run({ tooOld: { customer: 9 } })).toMatchObject({ audit: { customers: { missing: 1 } }, ok: false });
    });

    test('counts what should be gone: its merged rows, and its own once all that was too old was removed', async () => {
      without(/^S1/);
      const stale = { items: { expected: 1, stale: 0 }, orders: { expected: 1, stale: 2 } };
      expect(await run({ tooOld: { item: 20 } })).toMatchObject({ audit: stale, ok: false });
      writeSample(directory, rightRows());
      const left = { customers: { expected: 2, stale: 1 }, orders: { expected: 1, stale: 2 } };
      expect(await run({ ...ADA_IS, gone: { retainedAt: Date.now() } })).toMatchObject({ audit: left, ok: false });
      expect(await run({ ...ADA_IS, gone: { retainedAt: Date.now() - 1_000 } })).toMatchObject({ ok: true });
    });

    test('counts a row that is not what the API has, however old', async () => {
      plant(({ customers }) =>
        customers.splice(1, 1, recordRow('customer', 'id', { ...sampleRecords.customer[0], name: 'no' }, 'm02')),
      );
      expect(await run(ADA_IS)).toMatchObject({ audit: { customers: { stale: 1 } }, ok: false });
    });

    test('counts every row of what was erased, also one that closes it', async () => {
      const gone = { erased: new Map([['customer', new Set(['C2'])]]) };
      without(/^C2/);
      expect(await run({ gone })).toMatchObject({ audit: { customers: { expected: 2 } }, ok: true });
      plant(({ customers }) => customers.splice(2, 1));
      expect(await run({ gone })).toMatchObject({ audit: { orders: { stale: 1 } }, ok: false });
      plant(({ customers, orders }) => {
        orders.splice(0, orders.length, ...orders.filter(({ key }) => !key.startsWith('C2')));
        const { hash, ...row } = recordRow('customer', 'id', { id: 'C2', updatedAt: at(11) }, 'm09');
        customers.splice(0, customers.length, ...customers.filter(({ key }) => key !== 'C2'));
        customers.push({ ...row, hash: tombstoneHash('customer', 'C2', at(11)), values: null });
      });
      expect(await run({ gone })).toMatchObject({ audit: { customers: { stale: 1 } }, ok: false });
    });
  });

  test('misses everything where nothing is', async () => {
    expect(await run()).toMatchObject(
      report({
        customers: { found: 0, missing: 3 },
        items: { found: 0, missing: 2 },
        orders: { found: 0, missing: 3 },
      }),
    );
  });

  test('misses a row that was deleted', async () => {
    plant(({ items }) => items.splice(1, 1));
    // The join of what is in the sink lacks the item too, so its merged row stands there without a reason.
    expect(await run()).toMatchObject(report({ items: { found: 1, missing: 1 }, orders: { wrongMerge: 1 } }));
  });

  test('misses a merged row that was deleted', async () => {
    plant(({ orders }) => orders.splice(2, 1));
    const found = await run();
    expect(found).toMatchObject(report({ orders: { found: 2, missing: 1 } }));
    expect(found.findings).toEqual([{ dataset: 'orders', problem: 'missing', what: 'C%2F1/S1/2 has no row' }]);
  });

  test('misses a merged row that a tombstone closes although its line is there', async () => {
    plant(({ orders }) => orders.push(orderRow('C2/S2', ['m07', '2026-01-01T00:00:11.000Z'], ['m06', at20], null)));
    expect(await run()).toMatchObject(report({ orders: { found: 2, missing: 1, wrongMerge: 1 } }));
  });

  test('counts a row that is there twice', async () => {
    plant(({ customers }) => customers.push(...customers.slice(1, 3)));
    const found = await run();
    expect(found).toMatchObject(report({ customers: { duplicated: 2 } }));
    expect(found.findings[0]?.what).toBe(
      'C2 (part-w-1.csv line 7, version 2026-01-01T00:00:11.000Z, message m03): the same message, or the same versions of both sides, once more',
    );
  });

  test('counts a row that repeats the content of the row before under another message', async () => {
    plant(({ customers }) => customers.push({ ...rightRows().customers[2], messageId: 'm99' } as never));
    expect(await run()).toMatchObject(report({ customers: { duplicated: 1 } }));
  });

  test('does not take the third row of A, B, A for a duplicate', async () => {
    const records = [1, 2, 3].map((second) => ({
      sku: 'S2',
      price: second % 2,
      stock: 1,
      updatedAt: `2026-01-01T00:00:0${second}.000Z`,
    }));
    const unversioned = records.map(({ updatedAt: _, ...record }) => ({
      ...record,
      updatedAt: '2026-01-01T00:00:21.000Z',
    }));
    plant(({ items }) =>
      items.unshift(...unversioned.map((record, index) => recordRow('item', 'sku', record, `a${index}`))),
    );
    expect(await run()).toMatchObject({ audit: { items: { duplicated: 0 } } });
  });

  test('counts a merged row that is there twice', async () => {
    plant(({ orders }) => orders.push(...orders.slice(1, 2)));
    expect(await run()).toMatchObject(report({ orders: { duplicated: 1 } }));
  });

  test('counts a merged row that is made once more of the same versions of both sides', async () => {
    plant(({ orders }) => {
      const { values = null } = orders[4] ?? {};
      const between = orderRow('C2/S2', ['m10', at11], ['m06', at21], { ...values, name: 'Rob' });
      orders.push(between, orderRow('C2/S2', ['m11', at11], ['m12', at21], values));
    });
    expect(await run()).toMatchObject(report({ orders: { duplicated: 1 } }));
  });

  test('tells a merged row that repeats another from the last A of A, B, A whose B was overtaken by a crash', async () => {
    const bob = sampleRecords.customer[1];
    const at13 = '2026-01-01T00:00:13.000Z';
    const later = { ...bob, updatedAt: at13 };
    plant(({ customers, orders }) => {
      customers.push(recordRow('customer', 'id', later, 'm07'));
      orders.push(orderRow('C2/S2', ['m07', at13], ['m06', at21], orders[4]?.values ?? null));
    });
    const truth = { ...sampleRecords, customer: [sampleRecords.customer[0], later, sampleRecords.customer[2]] };
    const states = (records: readonly Readonly<Record<string, unknown>>[]) =>
      records.map((payload) => ({ version: String(payload.updatedAt), payload, content: JSON.stringify(payload) }));
    const changes = (customer: readonly Readonly<Record<string, unknown>>[]) => ({
      states: (entity: string) => states(entity === 'customer' ? customer : [sampleRecords.item[1] ?? {}]),
    });
    const between = { ...bob, name: 'Rob', updatedAt: '2026-01-01T00:00:12.000Z' };
    const dropped = { ...between, lines: [] };
    for (const unseen of [between, dropped]) {
      const found = await run({ truth, changes: changes([bob ?? {}, unseen, later]) });
      expect(found).toMatchObject({ audit: CLEAN, ok: true, overtaken: 1 });
    }
    expect(await run({ truth, changes: changes([bob ?? {}, later]) })).toMatchObject(
      report({ orders: { duplicated: 1 } }),
    );
    expect(await run({ truth })).toMatchObject(report({ orders: { duplicated: 1 } }));
  });

  describe('of an item that was gone and came back as it was, whose merged rows are A and A', () => {
    const [S1 = {}, S2 = {}] = sampleRecords.item;
    const at23 = '2026-01-01T00:00:23.000Z';
    const back = { ...S2, updatedAt: at23 };
    type State = readonly [version: string, record: Readonly<Record<string, unknown>> | null];
    const GONE_AT_21: State = ['2026-01-01T00:00:21.0001Z', null];
    const BOTH: readonly State[] = [
      [at21, S2],
      [at23, back],
    ];

    const audited = (changed: Readonly<Record<string, readonly State[]>>) => {
      plant(({ items, orders }) => {
        const { hash, ...tombstone } = recordRow('item', 'sku', S2, 'm07');
        items.push({ ...tombstone, hash: tombstoneHash('item', 'S2', at21), values: null });
        items.push(recordRow('item', 'sku', back, 'm08'));
        orders.push(orderRow('C2/S2', ['m03', at11], ['m08', at23], orders[4]?.values ?? null));
      });
      const truth = { ...sampleRecords, item: [S1, back] };
      const bob = sampleRecords.customer[1] ?? {};
      const all: Readonly<Record<string, readonly State[]>> = { C2: [[at11, bob]], S1: [[at(20), S1]], ...changed };
      const states = (_entity: string, key: string) =>
        (all[key] ?? []).map(([version, payload]) => ({
          version,
          payload: payload ?? {},
          content: `${key} ${JSON.stringify(payload)}`,
        }));
      return run({ truth, changes: { states } });
    };

    test.each<[string, Readonly<Record<string, readonly State[]>>]>([
      ['its tombstone lay between, under the version of the first', { S2: [...BOTH, GONE_AT_21] }],
      ['it was gone again later', { S2: [...BOTH, GONE_AT_21, ['2026-01-01T00:00:23.0001Z', null]] }],
      ['other content lay between', { S2: [...BOTH, ['2026-01-01T00:00:22.000Z', { ...S2, price: 9 }]] }],
    ])('knows that a crash overtook the row in between: %s', async (_what, changed) => {
      expect(await audited(changed)).toMatchObject({ audit: CLEAN, ok: true, overtaken: 1 });
    });

    test.each<[string, Readonly<Record<string, readonly State[]>>]>([
      ['it was never gone', { S2: BOTH }],
      ['another item was gone', { S2: BOTH, S1: [[at(20), S1], GONE_AT_21] }],
      ['it was gone before both', { S2: [...BOTH, ['2026-01-01T00:00:20.0001Z', null]] }],
      ['it was gone behind both', { S2: [...BOTH, ['2026-01-01T00:00:23.0001Z', null]] }],
      ['the same content lay between', { S2: [...BOTH, ['2026-01-01T00:00:22.000Z', S2]] }],
    ])('counts the second as duplicated: %s', async (_what, changed) => {
      expect(await audited(changed)).toMatchObject(report({ orders: { duplicated: 1 } }));
    });
  });

  test('counts a last line that was torn, and misses what stood there', async () => {
    tamper('items', (text) => text.slice(0, -20));
    expect(await run()).toMatchObject(report({ items: { found: 1, missing: 1, torn: 1 }, orders: { wrongMerge: 1 } }));
  });

  test('counts a line that was torn in the middle, and reads those behind it', async () => {
    const torn = linesOf('customers', rightRows().customers);
    writeSample(directory, rightRows());
    writeFileSync(partOf(directory, 'customers'), [torn[0], torn[2]?.slice(0, 12), ...torn.slice(1)].join(''));
    // The half line holds an open quote and swallows the beginning of the line behind it, whose row is old.
    expect(await run()).toMatchObject(report({ customers: { torn: 1 } }));
  });

  test.each([
    ['has too few cells', (text: string) => text.replace('C2,', '')],
    ['has too many cells', (text: string) => text.replace('C2,', 'C2,,')],
    ['ends without carriage return', (text: string) => text.replace(/Z\r\n$/, 'Z\n')],
    ['holds a quote in the middle of a cell', (text: string) => text.replace('false', 'fal"se')],
  ])('counts a line that %s', async (_, change) => {
    tamper('customers', change);
    expect(await run()).toMatchObject({ audit: { customers: { torn: 1 } }, ok: false });
  });

  test('reads a part whose line ends another program has changed, as dos2unix does', async () => {
    tamper('orders', (text) => text.replaceAll('\r\n', '\n'));
    expect(await run()).toMatchObject({ audit: CLEAN, ok: true });
    tamper('customers', (text) => text.replaceAll('\r\n', '\n').replace('C2,', 'C2,,'));
    expect(await run()).toMatchObject({ audit: { customers: { torn: 1 } }, ok: false });
  });

  test('counts bytes that are no UTF-8', async () => {
    writeSample(directory, rightRows());
    appendFileSync(partOf(directory, 'items'), Buffer.from([0xc3, 0x28, 0x0d, 0x0a]));
    expect(await run()).toMatchObject(report({ items: { torn: 1 } }));
  });

  test('counts a second header', async () => {
    tamper('orders', (text) => text + text.slice(0, text.indexOf('\r\n') + 2));
    expect(await run()).toMatchObject(report({ orders: { torn: 1 } }));
  });

  test('counts a part without a header, and reads it', async () => {
    tamper('items', (text) => text.slice(text.indexOf('\r\n') + 2));
    expect(await run()).toMatchObject(report({ items: { torn: 1 } }));
  });

  test('counts an empty part', async () => {
    writeSample(directory, rightRows());
    writeFileSync(join(directory, 'items', 'part-w-2.csv'), '');
    expect(await run()).toMatchObject(report({ items: { torn: 1 } }));
  });

  test('counts a cell that was changed in an old row, which no other column shows', async () => {
    tamper('customers', (text) => text.replace('Bob', 'Rob'));
    expect(await run()).toMatchObject(report({ customers: { wrongHash: 1 } }));
  });

  test('counts a cell that was changed in a newest row as stale too, and its merged rows as wrong', async () => {
    tamper('items', (text) => text.replace('S1,1.1,', 'S1,1.2,'));
    expect(await run()).toMatchObject(report({ items: { wrongHash: 1, stale: 1 }, orders: { wrongMerge: 2 } }));
  });

  test.each([
    ['another key', 'S2,20,7,2026-01-01T00:00:21.000Z,S2', 'S2,20,7,2026-01-01T00:00:21.000Z,S3'],
    ['another version', /21\.000Z,m06/, '22.000Z,m06'],
    ['a number in another form', 'S2,20,', 'S2,20.0,'],
    ['a number that is none', 'S2,20,', 'S2,much,'],
    ['a formula that would run', /^S2,/m, '=S2,'],
  ])('counts a row with %s', async (_, what, instead) => {
    tamper('items', (text) => text.replace(what, instead).replace(/Z,S2,(\w+),(\S+22)/, 'Z,S2,$1,$2'));
    expect(await run()).toMatchObject({ audit: { items: { wrongHash: 1 } }, ok: false });
  });

  test.each(['+49 30 7374', '-12.5', '+1 (555) 010-9999'])(
    'takes %s for what it is, with and without a quote',
    async (name) => {
      const dan = { id: 'C4', name, lines: [], updatedAt: '2026-01-01T00:00:13.000Z' };
      const truth = { ...sampleRecords, customer: [...sampleRecords.customer, dan] };
      plant(({ customers }) => customers.push(recordRow('customer', 'id', dan, 'm10')));
      const path = partOf(directory, 'customers');
      const text = readFileSync(path, 'utf8');
      expect(text).toContain(`,${name},`);
      expect(await run({ truth })).toMatchObject({ ok: true });
      writeFileSync(path, text.replace(`,${name},`, `,'${name},`));
      expect(await run({ truth })).toMatchObject({ ok: true });
    },
  );

  test('counts a merged row that was not made anew when a side changed', async () => {
    const s2 = { ...sampleRecords.item[1], price: 25, updatedAt: '2026-01-01T00:00:25.000Z' };
    plant(({ items }) => items.push(recordRow('item', 'sku', s2, 'm08')));
    const truth = { ...sampleRecords, item: [sampleRecords.item[0], s2] };
    expect(await run({ truth })).toMatchObject(report({ orders: { stale: 1, wrongMerge: 1 } }));
  });

  test('counts a side that is late as stale, and its merged rows as stale but not as wrong', async () => {
    plant(() => {});
    const s2 = { ...sampleRecords.item[1], price: 25, updatedAt: '2026-01-01T00:00:25.000Z' };
    const truth = { ...sampleRecords, item: [sampleRecords.item[0], s2] };
    expect(await run({ truth })).toMatchObject(report({ items: { stale: 1 }, orders: { stale: 1 } }));
  });

  test('counts a merged row with a wrong value although its hash is right', async () => {
    plant(({ orders }) => {
      const [values, last] = [orders[4]?.values, orders.length - 1];
      orders[last] = orderRow('C2/S2', ['m03', at11], ['m06', at21], { ...values, value: 141 });
    });
    expect(await run()).toMatchObject(report({ orders: { stale: 1, wrongMerge: 1 } }));
  });

  test('counts a dropped line that was left open', async () => {
    plant(({ orders }) => orders.splice(3, 1));
    const found = await run();
    expect(found).toMatchObject(report({ orders: { found: 4, stale: 1, wrongMerge: 1 } }));
    expect(found.findings[0]).toMatchObject({ problem: 'stale', what: expect.stringContaining('no such row') });
  });

  test('counts a row that the API knows nothing of', async () => {
    const ghost = { sku: 'S3', price: 1, stock: 1, updatedAt: at20 };
    plant(({ items }) => items.push(recordRow('item', 'sku', ghost, 'm09')));
    expect(await run()).toMatchObject(report({ items: { found: 3, stale: 1 } }));
  });

  test('does not judge a record that can only lie among the dead letters', async () => {
    writeSample(directory, rightRows());
    const truth = {
      ...sampleRecords,
      customer: [...sampleRecords.customer.slice(0, 1), { id: 'C2' }, ...sampleRecords.customer.slice(2)],
    };
    expect(await run({ truth })).toMatchObject({
      audit: { ...CLEAN, customers: { ...CLEAN.customers, expected: 2 }, orders: { ...CLEAN.orders, expected: 2 } },
      ok: true,
      leftOut: 1,
    });
  });

  test('on a pipeline that runs, leaves out a line under way and rows that are newer than the truth', async () => {
    const s2 = { ...sampleRecords.item[1], price: 25, updatedAt: '2026-01-01T00:00:25.000Z' };
    plant(({ items }) => items.push(recordRow('item', 'sku', s2, 'm08')));
    appendFileSync(partOf(directory, 'customers'), 'C7,half a');
    expect(await run({ live: true })).toMatchObject({ ok: true, leftOut: 1 });
    expect(await run()).toMatchObject({ ok: false });
  });

  test('on a pipeline that runs, still counts what has settled', async () => {
    plant(({ customers }) => customers.splice(3, 1));
    expect(await run({ live: true })).toMatchObject(report({ customers: { found: 2, missing: 1 } }));
  });
});

describe('an audit of Postgres', () => {
  let client: Client;
  let schema: string;
  beforeEach(async () => {
    schema = uniqueName('audit');
    client = new Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    await client.query(`SET search_path TO ${schema}`);
  });
  afterEach(async () => {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await client.end();
  });

  const pipeline = (history: boolean, deletes: 'remove' | 'keep' = 'remove') => {
    const { sink, ...config } = samplePipeline('unused');
    return { ...config, sink: { ...sink, type: 'postgres' as const, postgres: { schema, history, deletes } } };
  };
  const store = (rows: SampleRows, history = false) => storeSample(pipeline(history), inject('postgresUrl'), rows);
  const run = async (history = false, truth: Record<string, readonly unknown[]> = sampleRecords) => {
    const config = pipeline(history);
    const sink = await postgresRows(config.sink.postgres, inject('postgresUrl'));
    try {
      return await audit({ config, truth: truthOf(truth), sink });
    } finally {
      await sink.close();
    }
  };

  test.each([false, true])('finds nothing wrong with what is right (history: %s)', async (history) => {
    await store(rightRows(), history);
    expect(await run(history)).toEqual({ audit: CLEAN, ok: true, findings: [], leftOut: 0, overtaken: 0 });
  });

  test('knows the rows of deleted records that are kept, and tells of one that no tombstone has marked', async () => {
    const config = pipeline(false, 'keep');
    await storeSample(config, inject('postgresUrl'), rightRows());
    const look = async () => {
      const sink = await postgresRows(config.sink.postgres, inject('postgresUrl'));
      return await audit({ config, truth: truthOf(sampleRecords), sink }).finally(() => sink.close());
    };
    const marked = 'SELECT _key, sku FROM orders WHERE _deleted';
    expect((await client.query(marked)).rows).toEqual([{ _key: 'C2/S1', sku: 'S1' }]);
    expect(await look()).toEqual({ audit: CLEAN, ok: true, findings: [], leftOut: 0, overtaken: 0 });
    await client.query(`UPDATE items SET _deleted = true WHERE sku = 'S2'`);
    expect(await look()).toMatchObject(report({ items: { found: 1, missing: 1, torn: 1 }, orders: { wrongMerge: 1 } }));
  });

  test('reads times to the microsecond', async () => {
    const s2 = { ...sampleRecords.item[1], updatedAt: '2026-01-01T00:00:21.123456Z' };
    const rows = rightRows();
    await store({ ...rows, items: [...rows.items, recordRow('item', 'sku', s2, 'm08')] });
    const found = await run(false, { ...sampleRecords, item: [sampleRecords.item[0], s2] });
    expect(found).toMatchObject({ audit: CLEAN, ok: true });
  });

  test('misses rows that were deleted', async () => {
    await store(rightRows());
    await client.query(`DELETE FROM items WHERE sku = 'S2'; DELETE FROM orders WHERE _key = 'C%2F1/S1/2'`);
    expect(await run()).toMatchObject(
      report({ items: { found: 1, missing: 1 }, orders: { found: 2, missing: 1, wrongMerge: 1 } }),
    );
  });

  test('counts a key that is open and closed at once', async () => {
    await store(rightRows());
    await client.query(
      `INSERT INTO orders (_key, _hash, _version, _message_id, _order, _written_at)
       SELECT _key, _hash, _version, replace(_message_id, 'm03', 'm01'), replace(_order, 'm03', 'm01'), _written_at
         FROM orders_tombstones`,
    );
    expect(await run()).toMatchObject({ audit: { orders: { duplicated: 1 } }, ok: false });
  });

  test('counts a cell that was changed', async () => {
    await store(rightRows());
    await client.query(
      `UPDATE customers SET name = 'Rob' WHERE id = 'C3'; UPDATE orders SET value = 2.3 WHERE value = 2.2`,
    );
    expect(await run()).toMatchObject(
      report({ customers: { wrongHash: 1, stale: 1 }, orders: { wrongHash: 1, stale: 1, wrongMerge: 1 } }),
    );
  });

  test('counts an order that does not follow from version and message', async () => {
    await store(rightRows());
    await client.query(`UPDATE items SET _order = _order || 'x' WHERE sku = 'S1'`);
    expect(await run()).toMatchObject(report({ items: { wrongHash: 1 } }));
  });

  test('counts a merged row that is stale, and a dropped line that was left open', async () => {
    const { orders, ...rows } = rightRows();
    const s2 = { ...sampleRecords.item[1], stock: 8, price: 25, updatedAt: '2026-01-01T00:00:25.000Z' };
    const items = [...rows.items, recordRow('item', 'sku', s2, 'm08')];
    await store({ ...rows, items, orders: orders.toSpliced(3, 1) });
    expect(await run(false, { ...sampleRecords, item: [sampleRecords.item[0], s2] })).toMatchObject(
      report({ orders: { found: 4, stale: 2, wrongMerge: 2 } }),
    );
  });

  test('counts a row of the history that repeats the one before it, and misses one that is not in it', async () => {
    await store(rightRows(), true);
    await client.query(`
      CREATE TEMP TABLE copy AS SELECT * FROM customers_history WHERE _key = 'C3';
      UPDATE copy SET _message_id = 'm99', _order = replace(_order, 'm04', 'm99');
      INSERT INTO customers_history TABLE copy;
      DELETE FROM items_history WHERE _key = 'S2'`);
    expect(await run(true)).toMatchObject(report({ customers: { duplicated: 1 }, items: { missing: 1 } }));
  });
});

const at11 = '2026-01-01T00:00:11.000Z';
const at20 = '2026-01-01T00:00:20.000Z';
const at21 = '2026-01-01T00:00:21.000Z';

test('a row whose source orders it is known by its own version, and a tombstone by the rows beside it', () => {
  const times = new LandedTimes();
  times.note('a', 'w1-0000000000000001-1', at(10));
  times.note('a', 'w1-0000000000000005-1', at(30));
  expect(times.span('a', 'w1-0000000000000001-1')).toEqual({ from: at(10), to: at(10) });
  expect(times.span('a', 'w1-0000000000000003-2')).toEqual({ from: at(10), to: at(30) });
  expect(times.span('a', 'w1-0000000000000009-1')).toEqual({ from: at(30), to: undefined });
  expect(times.span('b', 'w1-0000000000000009-1')).toEqual({ from: '', to: undefined });
});
