import { expect } from 'vitest';
import { startCrm } from './crm.js';
import { eventually } from './eventually.js';
import { expectedRows } from './join.js';
import { countExpected, expectAllLanded, expectNewest, readDemoRows } from './landed.js';
import { readMetrics } from './metrics.js';
import { demoPipeline } from './pipeline-file.js';
import type { Servers } from './servers.js';
import { type Both, startBoth, untilReady } from './services.js';
import type { Stage } from './stage.js';

/** Hurts the servers of a pipeline, whose services have this environment. */
export type Outage = (both: Both, env: Readonly<Record<string, string>>) => Promise<void>;

/** Runs a pipeline on a CRM that changes, hurts it, lets it go on for a while, and sees that all is well. */
export async function throughOutage(stage: Stage, servers: Servers, what: string, outage: Outage): Promise<void> {
  const { file } = demoPipeline(stage, undefined);
  const output = stage.path(what);
  const { crm } = await startCrm(stage, {
    MOCK_CUSTOMERS: '1000',
    MOCK_ITEMS: '400',
    MOCK_CHANGES_PER_SECOND: '100',
  });
  const env = {
    AMQP_URL: servers.amqpUrl,
    REDIS_URL: servers.redisUrl,
    CRM_URL: crm.url,
    PIPELINE: file,
    OUTPUT_DIR: output,
  };
  const both = await startBoth(stage, env);
  const accepted = async () =>
    (await readMetrics(both.consumer.url)).sum('tributary_records_total', { outcome: 'accepted' });

  // Not before: a RabbitMQ that is killed right after a queue was declared may lose it (see startPrivateRabbitMQ).
  await eventually(async () => expect(await accepted()).toBeGreaterThan(700), 20);
  await outage(both, env);
  const then = await accepted();
  await eventually(async () => expect(await accepted()).toBeGreaterThan(then + 100));
  await crm.pause();
  const expected = expectedRows(await crm.records());
  expect(countExpected(expected)).toMatchObject({ customers: 1_000, inventory: 400 });
  await expectAllLanded(output, expected);
  await Promise.all(Object.values(both).map(untilReady));
  const ends = await Promise.all([both.producer.program.stop(), both.consumer.program.stop()]);
  expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  expectNewest(await readDemoRows(output), expected);
}
