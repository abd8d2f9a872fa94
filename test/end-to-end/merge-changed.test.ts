import { readFileSync } from 'node:fs';
import { describe, expect, inject, test } from 'vitest';
import { startCrm } from './support/crm.js';
import { type ExpectedRows, expectedRows } from './support/join.js';
import { countRows, expectNewest, expectNoDuplicates, readDemoRows } from './support/landed.js';
import { runOnce } from './support/once.js';
import { demoPipeline } from './support/pipeline-file.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const COLUMN = '      item_name: inventory.name\n';

describe('a merge that is changed in pipeline.yaml', () => {
  test.each([
    { where: 'servers in memory', servers: undefined },
    {
      where: 'a RabbitMQ and a Redis that remember',
      servers: { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') },
    },
  ])('is made anew of what had landed, and once ($where)', async ({ where, servers }) => {
    const { crm } = await startCrm(stage);
    const { file } = demoPipeline(stage, servers);
    const without = stage.write(`without-${where.length}.yaml`, readFileSync(file, 'utf8').replace(COLUMN, ''));
    const output = stage.path(where);
    const run = async (config: string) => {
      const env = { CRM_URL: crm.url, ...(servers && { AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl }) };
      const { code, summary, stderr } = await runOnce(stage, ['--output', output, '--config', config], env);
      expect(code, stderr).toBe(0);
      return summary;
    };

    await run(without);
    const expected: ExpectedRows = expectedRows(await crm.records());
    const merged = expected.customer_inventory.size;
    const summary = await run(file);
    expect(summary.accepted).toBe(0);
    const rows = await readDemoRows(output);
    expectNewest(rows, expected);
    expectNoDuplicates(rows);
    expect(countRows(rows)).toEqual({ customers: 200, inventory: 50, customer_inventory: 2 * merged });

    await run(file);
    expect(await readDemoRows(output)).toEqual(rows);
  });
});
