import { describe, expect, inject, test } from 'vitest';
import { type Edits, WholePath } from '../integration/whole-path.js';
import { eventually } from './support/eventually.js';
import { type RunningService, readiness, startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();

const PHONE: Edits[number] = ['      name: string\n', '      name: string\n      phone: string\n'];
const PHONE_IN_MERGE: Edits[number] = [
  '      name: customer.name\n',
  '      name: customer.name\n      phone: customer.phone\n',
];
/** Rows of another key stay where they are, so what is written by it gets datasets of its own, as `check --against` says. */
const EMAIL_AS_KEY: Edits = [
  ['      name: string\n', '      name: string\n      email: string\n'],
  ['    key: id\n', '    key: email\n'],
  ['dataset: customers\n', 'dataset: customers_by_email\n'],
  ['  orders:\n', '  orders_by_email:\n'],
];

async function startConsumer(path: WholePath, instance: string): Promise<RunningService> {
  const file = stage.write(`${path.name}-${instance}.yaml`, path.file);
  return await startService(stage, 'consumer', {
    AMQP_URL: inject('amqpUrl'),
    REDIS_URL: inject('redisUrl'),
    POSTGRES_URL: inject('postgresUrl'),
    PIPELINE: file,
    INSTANCE_ID: instance,
  });
}

/** The producer is in this process, and the consumers are processes of their own, on real servers. */
describe.concurrent('a consumer whose configuration changes', { timeout: 300_000 }, () => {
  test.each(['csv', 'postgres'] as const)(
    'with each SIGKILL in the middle of traffic leaves everything in the new form, once (%s)',
    async (sink) => {
      const path = await WholePath.begin({ sink });
      let consumer: RunningService | undefined;
      let traffic: NodeJS.Timeout | undefined;
      /** Whatever it is doing: it is in the middle of batches. */
      const kill = async () => {
        consumer?.program.signal('SIGKILL');
        await consumer?.program.ended;
      };
      const change = async (edits: Edits, instance: string) => {
        await kill();
        path.edit(edits);
        consumer = await startConsumer(path, instance);
        await path.producer?.stop();
        await path.startProducer();
        const { program } = consumer;
        await program.orEnd(untilReady(consumer));
        // It is at work: it has settled something, and gets more all the time.
        const working = async () => expect(await settledBy(consumer)).toBeGreaterThan(30);
        await program.orEnd(eventually(working));
      };
      try {
        path.change(40);
        await change([], 'first');
        let next = 40;
        traffic = setInterval(() => {
          path.change(2, next);
          path.change(2, next % 37);
          next += 2;
        }, 100);
        await change([PHONE], 'field');
        await change([PHONE, PHONE_IN_MERGE], 'merge');
        await change([PHONE, PHONE_IN_MERGE, ...EMAIL_AS_KEY], 'key');
        await kill();
        consumer = await startConsumer(path, 'last');
        clearInterval(traffic);
        await path.settled();
      } finally {
        clearInterval(traffic);
        await kill();
        await path.end();
      }
    },
  );

  test('waits, and says so on /readyz, while consumers of a newer one are at work', async () => {
    const path = await WholePath.begin({ sink: 'csv' });
    const running: RunningService[] = [];
    const start = async (instance: string) => {
      const service = await startConsumer(path, instance);
      running.push(service);
      return service;
    };
    try {
      path.change(20);
      const older = await start('older');
      await path.startProducer();
      await path.settled();
      path.edit([PHONE]);
      const newer = await start('newer');
      await path.producer?.stop();
      await path.startProducer();
      await eventually(async () => {
        const { status, problems } = await readiness(older);
        expect([status, problems.join()]).toEqual([503, expect.stringMatching(/newer configuration/)]);
      });
      await untilReady(newer);
      await path.settled();
      // No other is there any more: the older one goes on, with what it knows.
      newer.program.signal('SIGKILL');
      await newer.program.ended;
      path.edit([]);
      await path.producer?.stop();
      await path.startProducer();
      path.change(10, 20);
      await untilReady(older);
      await path.settled();
    } finally {
      for (const { program } of running) {
        program.signal('SIGKILL');
        await program.ended;
      }
      await path.end();
    }
  });
});

async function settledBy(service: RunningService | undefined): Promise<number> {
  const text = await (await fetch(`${service?.url}/metrics`)).text();
  const values = [...text.matchAll(/^tributary_records_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  return values.reduce((sum, value) => sum + value, 0);
}
