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
      ...{ polled: 250, published: 250, accepted: 250, duplicate: 0, stale: 0, deadLettered: 0, output },
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

  test('adds no row when it is run again, although queues and ledger were empty again', async () => {
    const { code, summary, after } = await again();
    expect(code).toBe(0);
    expect(after).toEqual(rows);
    expect(summary).toMatchObject({ polled: 250, published: 250, accepted: 0, duplicate: 250, stale: 0 });
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
    expect(summary).toMatchObject({ polled: 250, accepted: count, duplicate: 250 - count });
    expect(summary.rows).toMatchObject({ customers: changed.customers.length, inventory: changed.products.length });
  });

  test('says what it did in words without --json', async () => {
    const { code, stdout } = await stage.run('embedded', {
      args: ['--once', '--output', output],
      env: { CRM_URL: crm.url },
    });
    expect(code).toBe(0);
    expect(stdout).toContain('Polled 250 records from 2 endpoints, published 250');
    expect(stdout).toContain('Accepted 0, duplicate 250, stale 0, dead letters 0.');
    expect(stdout).toContain(output);
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

describe('npm start with something wrong', () => {
  test.each([
    ['an option that there is none', ['--nonsense'], '--nonsense'],
    ['an option without its value', ['--once', '--output'], '--output'],
    ['--json without --once', ['--json'], '--json needs --once'],
    ['a word that is no option', ['once'], 'once'],
  ])('%s: says what, shows how it is used, and exits 1', async (_what, args, says) => {
    const { code, stdout, stderr } = await stage.run('embedded', { args });
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(says);
    for (const option of ['--once', '--json', '--output DIR', '--config FILE']) expect(stderr).toContain(option);
  });

  const redis = 'redis://127.0.0.1:1';
  const expectedUrl = 'expected something like';
  test.each<[says: string, env: Record<string, string>]>([
    [
      `AMQP_URL holds http://127.0.0.1:1/: ${expectedUrl}`,
      { AMQP_URL: 'http://user:secret@127.0.0.1:1', REDIS_URL: redis },
    ],
    [`AMQP_URL holds (not a URL): ${expectedUrl}`, { AMQP_URL: 'amqp://user:secret@a:b', REDIS_URL: redis }],
    [`REDIS_URL holds (not a URL): ${expectedUrl}`, { AMQP_URL: 'amqp://127.0.0.1:1', REDIS_URL: 'secret@a:6379' }],
    ['REDIS_URL is set and AMQP_URL is not', { REDIS_URL: redis }],
    ['endpoints.crm-customers.url: "ftp://127.0.0.1/customers" is not valid', { CRM_URL: 'ftp://127.0.0.1' }],
    ['batch.size: "many" is not valid', { BATCH_SIZE: 'many' }],
    ['no-such-file.yaml has 1 fault', { PIPELINE: 'no-such-file.yaml' }],
  ])('%s: an environment that cannot be is told, without its passwords', async (says, env) => {
    const { code, stdout, stderr } = await stage.run('embedded', { args: ['--once', '--json'], env });
    expect(stderr).toContain(says);
    expect(stderr).not.toContain('secret');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test('--help shows how it is used, and exits 0', async () => {
    const { code, stdout } = await stage.run('embedded', { args: ['--help'] });
    expect(code).toBe(0);
    for (const option of ['--once', '--json', '--output DIR', '--config FILE']) expect(stdout).toContain(option);
  });

  const broken = () => ({
    file: demoPipeline(stage, undefined, [
      ['key: sku', 'key: article'],
      ['lines: lines', 'lines: orders'],
      ['on: sku', 'on: item'],
    ]).file,
    faults: ['entities.inventory.key', '"article"', 'merge.each.lines', '"orders"'],
  });
  const malformed = () => ({
    file: demoPipeline(stage, undefined, [
      [`type: \${SINK:-csv}`, 'type: parquet'],
      [`every: "\${POLL_INTERVAL:-60s}"`, 'every: often'],
      ['stock: integer', 'stock: whole'],
      ['paging: { type: cursor, parameter', 'paging: { type: kursor, parameter'],
      ['category: string?', `category: "\${NOT_SET_ANYWHERE}"`],
    ]).file,
    faults: [
      ...['sink.type', '"parquet"', 'expected csv or postgres'],
      ...['endpoints.crm-customers.schedule', 'endpoints.crm-products.schedule', '"often"'],
      ...['entities.inventory.fields.stock', '"whole"', 'expected one of string, integer'],
      ...['endpoints.crm-customers.paging.type', 'endpoints.crm-products.paging.type'],
      ...['entities.inventory.fields.category', 'NOT_SET_ANYWHERE is not set'],
    ],
  });
  const absent = () => ({ file: stage.path('absent.yaml'), faults: ['absent.yaml', 'ENOENT'] });
  const noYaml = () => ({ file: stage.write('no.yaml', 'entities: [}\n'), faults: ['no.yaml', 'line 1'] });

  test.each([
    ['names that do not exist', broken],
    ['values that cannot be', malformed],
    ['no file', absent],
    ['no YAML', noYaml],
  ])('a pipeline with %s: every fault is told with its place, by the start as by check-config', async (_what, make) => {
    const { file, faults } = make();
    const folder = stage.path('never-made');
    const [start, check] = await Promise.all([
      stage.run('embedded', { args: ['--once', '--json', '--output', folder, '--config', file] }),
      stage.run('check-config', { args: [file] }),
    ]);
    for (const { code, stdout, stderr } of [start, check]) {
      expect(code).toBe(1);
      expect(stdout).toBe('');
      for (const fault of faults) expect(stderr).toContain(fault);
    }
    expect(countRows(await readDemoRows(folder))).toEqual({ customers: 0, inventory: 0, customer_inventory: 0 });
  });

  test('check-config says of the pipeline that is shipped that it is valid', async () => {
    const { code, stdout } = await stage.run('check-config');
    expect(code).toBe(0);
    expect(stdout).toContain('pipeline.yaml is valid: 2 endpoints');
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
