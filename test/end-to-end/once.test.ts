import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../services/ports.js';
import { type Crm, startCrm } from './support/crm.js';
import { type ExpectedRows, expectedRows } from './support/join.js';
import {
  countExpected,
  countRows,
  type DemoRows,
  expectNewest,
  expectNoDuplicates,
  readDemoRows,
} from './support/landed.js';
import { runOnce, type Summary } from './support/once.js';
import { demoPipeline } from './support/pipeline-file.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const output = stage.path('output');

describe('npm start -- --once, on a machine with nothing but Node', () => {
  let crm: Crm;
  let expected: ExpectedRows;
  let rows: DemoRows;

  /** One run on the same output, and which rows it added. */
  async function again() {
    const before = await readDemoRows(output);
    const { code, summary } = await runOnce(stage, ['--output', output], { CRM_URL: crm.url });
    const after = await readDemoRows(output);
    const added = (dataset: keyof DemoRows) => {
      const known = new Set(before[dataset].map(({ messageId, key }) => `${key} ${messageId}`));
      return after[dataset].filter(({ messageId, key }) => !known.has(`${key} ${messageId}`));
    };
    return { code, summary, after, added };
  }

  beforeAll(async () => {
    ({ crm } = await startCrm(stage));
  });

  test('writes every customer, item and merged row once, and prints its summary as one JSON object', async () => {
    const { code, summary } = await runOnce(stage, ['--output', output], { CRM_URL: crm.url });
    expected = expectedRows(await crm.records());
    rows = await readDemoRows(output);

    expect(code).toBe(0);
    expect(countExpected(expected)).toMatchObject({ customers: 200, inventory: 50 });
    expect(countRows(rows)).toEqual(countExpected(expected));
    expectNewest(rows, expected);
    expect(summary).toEqual({
      polled: 250,
      published: 250,
      accepted: 250,
      duplicate: 0,
      stale: 0,
      deadLettered: 0,
      deadAgain: 0,
      output,
      rows: countExpected(expected),
      seconds: expect.any(Number),
      endpoints: [
        { endpoint: 'crm-customers', records: 200 },
        { endpoint: 'crm-products', records: 50 },
      ],
    } satisfies Summary);
  });

  test('gives every row the hash of its content, which anybody can compute from the API alone', () => {
    for (const [dataset, byKey] of Object.entries(expected)) {
      const hashes = rows[dataset as keyof DemoRows].map(({ key, hash }) => [key, hash]);
      expect(Object.fromEntries(hashes)).toEqual(Object.fromEntries([...byKey].map(([key, { hash }]) => [key, hash])));
    }
  });

  test('asks only for what is new when it is run again, and adds no row, although queues and ledger were empty again', async () => {
    const { code, summary, after } = await again();
    expect(code).toBe(0);
    expect(after).toEqual(rows);
    expect(summary.polled).toBeLessThan(100);
    expect(summary).toMatchObject({ accepted: 0, duplicate: summary.polled, stale: 0 });
    expect(Object.values(summary.rows)).toEqual([0, 0, 0]);
  });

  test('adds the rows that changed, and no others, when the CRM has changed', async () => {
    const changed = await crm.change(5);
    const now = expectedRows(await crm.records());
    const { code, summary, after, added } = await again();

    expect(code).toBe(0);
    expectNewest(after, now);
    expectNoDuplicates(after);
    expect(keysOf(added('customers'))).toEqual(changed.customers.toSorted());
    expect(keysOf(added('inventory'))).toEqual(changed.products.toSorted());
    expect(keysOf(added('customer_inventory'))).toEqual(changedKeys(expected, now));
    const count = changed.customers.length + changed.products.length;
    expect(summary.polled).toBeLessThan(100);
    expect(summary).toMatchObject({ accepted: count, duplicate: summary.polled - count });
    expect(summary.rows).toMatchObject({ customers: changed.customers.length, inventory: changed.products.length });
  });

  test('says what it did in words without --json', async () => {
    const { code, stdout } = await stage.run('tributary', {
      args: ['--once', '--output', output],
      env: { CRM_URL: crm.url },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Polled (\d+) records from 2 endpoints, published \1, in /);
    expect(stdout).toMatch(/^Accepted 0, duplicate \d+, stale 0, dead letters 0\.$/m);
    expect(stdout).toContain(output);
    expect(stdout).toContain('the next --once asks only for what is new');
  });

  test('needs no CRM to be named: it brings its own', async () => {
    const folder = stage.path('of-its-own');
    const { code, summary } = await runOnce(stage, ['--output', folder], {});
    expect(code).toBe(0);
    expect(summary).toMatchObject({ polled: 250, accepted: 250 });
    expect(countRows(await readDemoRows(folder))).toEqual(summary.rows);
  });

  test('lands what one endpoint gives when the other is away, says which and why, and exits 1', async () => {
    const folder = stage.path('half');
    const address = `http://127.0.0.1:${await freePort()}/products`;
    const { file } = demoPipeline(stage, undefined, [
      [`\${CRM_URL:-http://127.0.0.1:8080}/products`, `${address}\n    retryDelay: 20ms`],
    ]);
    const { code, summary } = await runOnce(stage, ['--output', folder, '--config', file], { CRM_URL: crm.url });

    expect(code).toBe(1);
    const [customers, products] = summary.endpoints;
    expect(customers).toEqual({ endpoint: 'crm-customers', records: 200 });
    expect(products).toMatchObject({ endpoint: 'crm-products', records: 0 });
    expect(products?.error).toContain(address);
    expect(products?.error).toContain('ECONNREFUSED');
    expect(countRows(await readDemoRows(folder))).toEqual({ customers: 200, inventory: 0, customer_inventory: 0 });
  });
});

const keysOf = (added: readonly { readonly key: string }[]): string[] =>
  [...new Set(added.map(({ key }) => key))].toSorted();

/** The keys of merged rows that came, went, or changed. */
function changedKeys(before: ExpectedRows, after: ExpectedRows): string[] {
  const [old, now] = [before.customer_inventory, after.customer_inventory];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((key) => old.get(key)?.hash !== now.get(key)?.hash)
    .toSorted();
}
