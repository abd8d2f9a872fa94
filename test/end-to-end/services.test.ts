import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type Crm, startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { expectedRows } from './support/join.js';
import { countExpected, expectNewest, expectNoDuplicates, readDemoRows } from './support/landed.js';
import { readMetrics } from './support/metrics.js';
import { partsOf } from './support/output.js';
import { demoPipeline } from './support/pipeline-file.js';
import { waitingIn } from './support/servers.js';
import { type RunningService, startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
const CUSTOMERS = 8_000;
const ITEMS = 1_000;

describe('each service as a process of its own, with two consumers', () => {
  const { file, queues } = demoPipeline(stage, servers);
  const output = stage.path('output');
  const services = new Map<string, RunningService>();
  let crm: Crm;

  const start = async (name: 'producer' | 'consumer' | 'dashboard', instance: string) => {
    const service = await startService(stage, name, {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      CRM_URL: crm.url,
      PIPELINE: file,
      OUTPUT_DIR: output,
      INSTANCE_ID: instance,
      POLL_INTERVAL: '1s',
      BATCH_INTERVAL: '1s',
    });
    services.set(instance, service);
    return service;
  };
  const service = (instance: string): RunningService => {
    const found = services.get(instance);
    if (found === undefined) throw new Error(`${instance} was not started`);
    return found;
  };
  const accepted = async (instance: string) =>
    (await readMetrics(service(instance).url)).sum('tributary_records_total', { outcome: 'accepted' });
  const waiting = async () =>
    (await Promise.all(queues.map((queue) => waitingIn(servers.amqpUrl, queue)))).reduce((a, b) => a + b);

  /** kill -9 and a new start, while it has work in its hands. */
  async function killInTheMiddle(instance: string) {
    await eventually(async () => {
      const metrics = await readMetrics(service(instance).url);
      expect(metrics.sum('tributary_records_total', { outcome: 'accepted' })).toBeGreaterThan(50);
      expect(metrics.sum('tributary_unsettled_deliveries')).toBeGreaterThan(200);
    }, 5);
    const { program } = service(instance);
    program.signal('SIGKILL');
    expect((await program.ended).signal).toBe('SIGKILL');
    await start('consumer', instance);
  }

  beforeAll(async () => {
    ({ crm } = await startCrm(stage, {
      MOCK_CUSTOMERS: String(CUSTOMERS),
      MOCK_ITEMS: String(ITEMS),
      MOCK_CHANGES_PER_SECOND: '50',
    }));
    await Promise.all([start('consumer', 'one'), start('consumer', 'two'), start('dashboard', 'board')]);
    await Promise.all(['one', 'two', 'board'].map((instance) => untilReady(service(instance))));
    await start('producer', 'poller');
  });

  test('a consumer that is killed in the middle, and started again, goes on; then so does the other', async () => {
    await killInTheMiddle('one');
    await killInTheMiddle('two');
    for (const instance of services.keys()) await untilReady(service(instance));
  });

  test('both consumers get records, and each writes parts of its own', async () => {
    await eventually(async () => {
      for (const instance of ['one', 'two']) expect(await accepted(instance)).toBeGreaterThan(0);
    });
    const writers = (dataset: string) => new Set(partsOf(output, dataset).map((part) => part.split('-')[1]));
    for (const dataset of ['customers', 'customer_inventory']) {
      await eventually(() => expect(writers(dataset)).toEqual(new Set(['one', 'two'])));
    }
  });

  test('everything lands once, and what the killed consumers had begun is taken over', async () => {
    await crm.pause();
    const expected = expectedRows(await crm.records());
    expect(countExpected(expected)).toMatchObject({ customers: CUSTOMERS, inventory: ITEMS });
    await eventually(async () => expectNewest(await readDemoRows(output), expected), 1_000);
    expectNoDuplicates(await readDemoRows(output));
    const takeOvers = await Promise.all(
      ['one', 'two'].map(async (instance) =>
        (await readMetrics(service(instance).url)).sum('tributary_take_overs_total'),
      ),
    );
    expect(takeOvers.reduce((a, b) => a + b)).toBeGreaterThan(0);
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  test('every service tells how it is, and counts what it did', async () => {
    const metrics = Object.fromEntries(
      await Promise.all([...services].map(async ([name, { url }]) => [name, await readMetrics(url)] as const)),
    );
    expect(metrics.poller?.sum('tributary_poll_records_total')).toBeGreaterThanOrEqual(CUSTOMERS + ITEMS);
    expect(metrics.poller?.sum('tributary_publish_confirmed_total', { queue: queues[0] ?? '' })).toBeGreaterThanOrEqual(
      CUSTOMERS,
    );
    expect(metrics.one?.sum('tributary_rows_written_total', { dataset: 'customers' })).toBeGreaterThan(0);
    expect(metrics.board?.sum('process_cpu_seconds_total')).toBeGreaterThan(0);
    await eventually(async () => {
      const answer = (await (await fetch(`${service('board').url}/api/datasets`)).json()) as {
        datasets: { name: string; keys: number }[];
      };
      expect(answer.datasets.find(({ name }) => name === 'customers')?.keys).toBe(CUSTOMERS);
    });
  });

  test('every service ends at SIGTERM with exit code 0, and no row changes by that', async () => {
    const before = await readDemoRows(output);
    const ends = await Promise.all([...services.values()].map(({ program }) => program.stop()));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(await readDemoRows(output)).toEqual(before);
  });
});
