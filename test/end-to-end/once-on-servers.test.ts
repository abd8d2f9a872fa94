import { beforeAll, describe, expect, inject, test } from 'vitest';
import { freePort } from '../services/ports.js';
import { type Crm, startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { expectedRows } from './support/join.js';
import { countExpected, countRows, expectNewest, expectNoDuplicates, readDemoRows } from './support/landed.js';
import { readMetrics } from './support/metrics.js';
import { runOnce } from './support/once.js';
import { demoPipeline } from './support/pipeline-file.js';
import { forgetInRedis, waitingIn } from './support/servers.js';
import { startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };

describe('npm start -- --once, on a RabbitMQ and a Redis of your own', () => {
  const { name, file, queues } = demoPipeline(stage, servers);
  const output = stage.path('output');
  let crm: Crm;

  const run = () =>
    runOnce(stage, ['--output', output, '--config', file], {
      CRM_URL: crm.url,
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
    });

  async function expectAllThere() {
    const expected = expectedRows(await crm.records());
    const rows = await readDemoRows(output);
    expectNewest(rows, expected);
    expectNoDuplicates(rows);
    for (const queue of queues) {
      expect(await waitingIn(servers.amqpUrl, queue)).toBe(0);
      expect(await waitingIn(servers.amqpUrl, `${queue}.dead`)).toBe(0);
    }
    return { rows: countRows(rows), expected: countExpected(expected) };
  }

  beforeAll(async () => {
    ({ crm } = await startCrm(stage));
  });

  test('writes every customer, item and merged row once', async () => {
    const { code, summary } = await run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({ polled: 250, published: 250, accepted: 250, duplicate: 0, deadLettered: 0 });
    const { rows, expected } = await expectAllThere();
    expect(rows).toEqual(expected);
    expect(summary.rows).toEqual(expected);
  });

  test('asks only for what is new when it is run again, and adds no row', async () => {
    const before = await readDemoRows(output);
    const { code, summary } = await run();
    expect(code).toBe(0);
    expect(summary.polled).toBeLessThan(250);
    expect(summary).toMatchObject({ accepted: 0, duplicate: summary.polled, stale: 0 });
    expect(await readDemoRows(output)).toEqual(before);
  });

  test('adds no row after Redis has lost all it held: everything comes again, and is known', async () => {
    const before = await readDemoRows(output);
    expect(await forgetInRedis(servers.redisUrl, name)).toBeGreaterThan(5);
    const { code, summary } = await run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({ polled: 250, published: 250, accepted: 0, duplicate: 250, stale: 0 });
    expect(await readDemoRows(output)).toEqual(before);
  });

  test('adds what changed meanwhile, also with Redis lost once more', async () => {
    const { customers, products } = await crm.change(20);
    await forgetInRedis(servers.redisUrl, name);
    const { code, summary } = await run();
    expect(code).toBe(0);
    const changed = customers.length + products.length;
    expect(summary).toMatchObject({ polled: 250, accepted: changed, duplicate: 250 - changed });
    await expectAllThere();
  });

  test('says of each endpoint why, and exits 1, when none of them answers', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const own = demoPipeline(stage, servers, [[`    schedule: {`, `    retries: 0\n    schedule: {`]]);
    const args = ['--output', stage.path('nothing'), '--config', own.file];
    const { code, summary } = await runOnce(stage, args, {
      CRM_URL: nowhere,
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
    });
    expect(code).toBe(1);
    expect(summary).toMatchObject({ polled: 0, published: 0, accepted: 0 });
    for (const { error } of summary.endpoints) expect(error).toContain('ECONNREFUSED');
  });

  test('two at once on one output share the records, and write none of them twice', async () => {
    const { customers, products } = await crm.change(200);
    await forgetInRedis(servers.redisUrl, name);
    const runs = await Promise.all([run(), run()]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    const accepted = runs.reduce((sum, { summary }) => sum + summary.accepted, 0);
    expect(accepted).toBe(customers.length + products.length);
    await expectAllThere();
  });

  test('ends though another consumer, which has ended since, wrote some of its records', async () => {
    await forgetInRedis(servers.redisUrl, name);
    const other = await startService(stage, 'consumer', {
      CRM_URL: crm.url,
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      PIPELINE: file,
      OUTPUT_DIR: output,
    });
    await untilReady(other);
    // The last pages come when the other consumer is gone.
    await crm.misbehave({ latency: 1_500 });
    const running = run();
    await eventually(async () => {
      const metrics = await readMetrics(other.url);
      expect(metrics.sum('tributary_records_total')).toBeGreaterThan(0);
    });
    await other.program.stop();
    const { code, summary } = await running;
    await crm.misbehave({});
    expect(code).toBe(0);
    expect(summary.duplicate).toBeLessThan(summary.published);
    await expectAllThere();
  });
});
