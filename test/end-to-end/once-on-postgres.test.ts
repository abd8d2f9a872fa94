import { beforeAll, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { type Crm, startCrm } from './support/crm.js';
import { type ExpectedRows, expectedRows } from './support/join.js';
import { countExpected } from './support/landed.js';
import { runOnce } from './support/once.js';
import { demoPipeline } from './support/pipeline-file.js';
import { forgetInRedis } from './support/servers.js';
import { useStage } from './support/stage.js';
import { contentOf, expectedTable, Schema } from './support/tables.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
const postgresUrl = inject('postgresUrl');
const DATASETS = ['customers', 'inventory', 'customer_inventory'] as const;

describe.each([
  ['the newest rows', 'false'],
  ['the newest rows and their history', 'true'],
])('npm start -- --once, with SINK=postgres, keeping %s', (_what, history) => {
  const schema = new Schema(postgresUrl, uniqueName('e2e')).dropAtEnd(stage);
  const { name, file } = demoPipeline(stage, servers, [
    ['schema: public', `schema: ${schema.name}`],
    ['history: false', `history: ${history}`],
  ]);
  const output = stage.path(name);
  let crm: Crm;

  const run = async () => {
    const { code, summary, stderr } = await runOnce(stage, ['--output', output, '--config', file], {
      CRM_URL: crm.url,
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      SINK: 'postgres',
      POSTGRES_URL: postgresUrl,
    });
    expect(code, stderr).toBe(0);
    return summary;
  };
  const readAll = () =>
    Promise.all(
      (history === 'true' ? DATASETS.flatMap((dataset) => [dataset, `${dataset}_history`]) : DATASETS).map((table) =>
        schema.rows(table),
      ),
    );

  async function expectTables(expected: ExpectedRows) {
    for (const dataset of DATASETS) {
      expect(contentOf(await schema.rows(dataset)), dataset).toEqual(expectedTable(expected[dataset]));
    }
  }

  beforeAll(async () => {
    ({ crm } = await startCrm(stage));
  });

  test('lands every customer, item and merged row once', async () => {
    const summary = await run();
    const expected = expectedRows(await crm.records());
    expect(summary).toMatchObject({ polled: 250, accepted: 250, duplicate: 0, rows: countExpected(expected) });
    expect(summary.output).toContain(schema.name);
    await expectTables(expected);
  });

  test('touches no row when it is run again, with Redis emptied in between', async () => {
    const before = await readAll();
    await forgetInRedis(servers.redisUrl, name);
    expect(await run()).toMatchObject({ polled: 250, accepted: 0, duplicate: 250, stale: 0 });
    // Not even _written_at differs.
    expect(await readAll()).toEqual(before);
  });

  test('follows the CRM when it has changed: dropped lines go, the others are what they are there', async () => {
    const before = expectedRows(await crm.records());
    const { customers, products } = await crm.change(120);
    await forgetInRedis(servers.redisUrl, name);
    const changed = customers.length + products.length;
    expect(await run()).toMatchObject({ polled: 250, accepted: changed, duplicate: 250 - changed });
    const expected = expectedRows(await crm.records());
    await expectTables(expected);
    const gone = [...before.customer_inventory.keys()].filter((key) => !expected.customer_inventory.has(key));
    expect(gone.length).toBeGreaterThan(0);
    const closed = (await schema.rows('customer_inventory_tombstones')).map(({ _key }) => _key);
    expect(closed).toEqual(gone.toSorted());

    if (history === 'false') return;
    const past = await schema.rows('customers_history');
    expect(past.length).toBe(200 + customers.length);
    expect(past.filter(({ _key }) => _key === customers[0])).toHaveLength(2);
  });
});
