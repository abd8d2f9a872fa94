import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { countRows, readDemoRows } from './support/landed.js';
import { demoPipeline } from './support/pipeline-file.js';
import { useStage } from './support/stage.js';

const stage = useStage();

describe('npm start with something wrong', () => {
  test.each([
    ['an option that there is none', ['--nonsense'], '--nonsense'],
    ['an option without its value', ['--once', '--output'], '--output'],
    ['--json without --once', ['--json'], '--json needs --once'],
    ['a word that is no option', ['once'], 'once'],
  ])('%s: says what, shows how it is used, and exits 2', async (_what, args, says) => {
    const { code, stdout, stderr } = await stage.run('tributary', { args });
    expect(code).toBe(2);
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
    [
      'REDIS_URL holds (not a URL): expected redis://user:password@host:6379/0',
      { AMQP_URL: 'amqp://127.0.0.1:1', REDIS_URL: 'secret@a:6379' },
    ],
    ['REDIS_URL is set and AMQP_URL is not', { REDIS_URL: redis }],
    ['endpoints.crm-customers.url: "ftp://127.0.0.1/customers" is not valid', { CRM_URL: 'ftp://127.0.0.1' }],
    ['batch.size: "many" is not valid', { BATCH_SIZE: 'many' }],
    ['no-such-file.yaml has 1 fault', { PIPELINE: 'no-such-file.yaml' }],
    ['PORT is "many": expected a number from 0 to 65535', { PORT: 'many' }],
  ])('%s: an environment that cannot be is told, without its passwords', async (says, env) => {
    const { code, stdout, stderr } = await stage.run('tributary', { args: ['--once', '--json'], env });
    expect(stderr).toContain(says);
    expect(stderr).not.toContain('secret');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test('a Postgres that nobody has named is told at once, in one line', async () => {
    const { code, stdout, stderr } = await stage.run('tributary', { args: ['--once'], env: { SINK: 'postgres' } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^the sink is postgres: set POSTGRES_URL, such as \S+\n$/);
  });

  test('a PORT that was asked for and is taken is told, not passed over', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    stage.atEnd('the port', () => server.close());
    const PORT = String((server.address() as AddressInfo).port);
    const { code, stderr } = await stage.run('tributary', { args: ['--once'], env: { PORT } });
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot listen on 127.0.0.1:${PORT}`);
    expect(stderr).toContain('set PORT to one that is free');
  });

  test('--help shows how it is used, and exits 0', async () => {
    const { code, stdout } = await stage.run('tributary', { args: ['--help'] });
    expect(code).toBe(0);
    for (const option of ['--once', '--json', '--output DIR', '--config FILE']) expect(stdout).toContain(option);
  });

  const broken = () => ({
    file: demoPipeline(stage, undefined, [
      ['key: sku', 'key: article'],
      ['lines: lines', 'lines: orders'],
      ['on: sku', 'on: item'],
    ]).file,
    faults: ['entities.inventory.key', '"article"', 'merges.customer_inventory.each.lines', '"orders"'],
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
      'sink.type',
      '"parquet"',
      'expected csv, postgres or program',
      'endpoints.crm-customers.schedule',
      'endpoints.crm-products.schedule',
      '"often"',
      'entities.inventory.fields.stock',
      '"whole"',
      'expected one of string, integer',
      'endpoints.crm-customers.paging.type',
      'endpoints.crm-products.paging.type',
      'entities.inventory.fields.category',
      'NOT_SET_ANYWHERE is not set',
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
      stage.run('tributary', { args: ['--once', '--json', '--output', folder, '--config', file] }),
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
