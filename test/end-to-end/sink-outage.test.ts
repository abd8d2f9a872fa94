import { renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { PrivateService } from '../services/handle.js';
import { startPrivatePostgres } from '../services/postgres.js';
import { type Crm, startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { expectedRows } from './support/join.js';
import { countExpected, countRows, expectAllLanded, readDemoRows } from './support/landed.js';
import { readMetrics } from './support/metrics.js';
import { demoPipeline } from './support/pipeline-file.js';
import { waitingIn } from './support/servers.js';
import { type Both, readiness, startBoth, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';
import { contentOf, expectedTable, Schema } from './support/tables.js';

const stage = useStage();

describe('an output folder that cannot be written', () => {
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  // Each record alone, so that the messages of a queue are its records.
  const { file, queues } = demoPipeline(stage, servers, [['\nsink:', '\npack: { records: 1 }\nsink:']]);
  const output = stage.write('in-the-way', 'a file stands where the folder should be');
  let crm: Crm;
  let both: Both;

  const waiting = () => Promise.all(queues.map((queue) => waitingIn(servers.amqpUrl, queue)));

  beforeAll(async () => {
    ({ crm } = await startCrm(stage));
    both = await startBoth(stage, {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      CRM_URL: crm.url,
      PIPELINE: file,
      OUTPUT_DIR: output,
    });
  });

  test('stops consumption: /readyz is 503 and says why, and every message stays in its queue', async () => {
    await eventually(async () => expectAllWaiting(await waiting()));
    const { status, ready, problems } = await readiness(both.consumer);
    expect({ status, ready }).toEqual({ status: 503, ready: false });
    expect(problems.join('; ')).toMatch(/the sink cannot be written: .*in-the-way/);
    expect((await fetch(`${both.consumer.url}/healthz`)).status).toBe(200);
    expect(both.consumer.program.stdout).toMatch(/"level":"error".*the sink cannot be written.*nothing is consumed/);
    // The producer has no part in it.
    await untilReady(both.producer);
    expectAllWaiting(await waiting());
    expect((await readMetrics(both.consumer.url)).sum('tributary_records_total')).toBe(0);
  });

  /** Each poll asks for the last seconds once more, so there may be more. */
  function expectAllWaiting([customers = 0, items = 0]: readonly number[]): void {
    expect(customers).toBeGreaterThanOrEqual(200);
    expect(items).toBeGreaterThanOrEqual(50);
  }

  test('goes on by itself when it can be written again, and everything lands once', async () => {
    const expected = expectedRows(await crm.records());
    rmSync(output);
    await expectAllLanded(output, expected);
    expect(countRows(await readDemoRows(output))).toEqual(countExpected(expected));
    await untilReady(both.consumer);
    expect(await waiting()).toEqual([0, 0]);
  });

  test('does the same when the folder goes in the middle of the work and comes back', async () => {
    const before = countRows(await readDemoRows(output));
    renameSync(output, `${output}-away`);
    stage.write('in-the-way', 'a file stands where the folder was');
    await crm.change(100);
    await eventually(async () => {
      const { status, problems } = await readiness(both.consumer);
      expect(status).toBe(503);
      expect(problems.join('; ')).toMatch(/cannot be written: .*in-the-way/);
    });
    const metrics = await readMetrics(both.consumer.url);
    expect(metrics.sum('tributary_sink_failures_total')).toBeGreaterThan(0);

    rmSync(output);
    renameSync(`${output}-away`, output);
    const expected = expectedRows(await crm.records());
    await expectAllLanded(output, expected);
    expect(countRows(await readDemoRows(output)).customers).toBeGreaterThan(before.customers ?? 0);
    await untilReady(both.consumer);
    await eventually(async () => expect(await waiting()).toEqual([0, 0]));
    const ends = await Promise.all([both.producer.program.stop(), both.consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });
});

describe('a Postgres that goes', () => {
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  const { file } = demoPipeline(stage, servers);
  let postgres: PrivateService;

  beforeAll(async () => {
    postgres = await startPrivatePostgres();
  });
  afterAll(() => postgres.stop());

  test('is waited for: /readyz says so, and what came meanwhile lands when it is back', async () => {
    const { crm } = await startCrm(stage);
    const { consumer, producer } = await startBoth(stage, {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      CRM_URL: crm.url,
      PIPELINE: file,
      SINK: 'postgres',
      POSTGRES_URL: postgres.url,
    });
    const written = async () => (await readMetrics(consumer.url)).sum('tributary_rows_written_total');
    await eventually(async () => expect(await written()).toBeGreaterThan(50), 20);
    await postgres.down();
    await crm.change(50);
    await eventually(async () => {
      const { status, problems } = await readiness(consumer);
      expect(status).toBe(503);
      expect(problems.join('; ')).toContain('cannot be written');
    });
    await postgres.up();

    const expected = expectedRows(await crm.records());
    expect(countExpected(expected)).toMatchObject({ customers: 200, inventory: 50 });
    const schema = new Schema(postgres.url, 'public');
    for (const dataset of ['customers', 'inventory', 'customer_inventory'] as const) {
      await eventually(async () => {
        expect(contentOf(await schema.rows(dataset)), dataset).toEqual(expectedTable(expected[dataset]));
      });
    }
    await untilReady(consumer);
    const ends = await Promise.all([producer.program.stop(), consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });
});
