import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Consumer, createConsumer } from '@tributary/consumer';
import { createProducer, type Producer } from '@tributary/producer';
import { connectBroker, createLogger, describeBrokerError, parsePipeline, ReleaseList } from '@tributary/shared';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../services/rabbitmq.js';

const log = createLogger({ service: 'test', instance: 'test', level: process.env.LOG_LEVEL ?? 'silent' });

/** amqplib's own words in the place of RabbitMQ's. */
const HIDDEN = /no reply will be forthcoming|Channel closed$|Channel closing/;

describe('what RabbitMQ says when it closes a channel or a connection reaches those who wait', {
  timeout: 120_000,
}, () => {
  const name = uniqueName('reasons');
  const releases = new ReleaseList();
  const said: string[] = [];
  let rabbit: PrivateRabbitMQ;
  let consumer: Consumer;
  let producer: Producer;

  beforeAll(async () => {
    rabbit = await startPrivateRabbitMQ();
    releases.add('RabbitMQ', () => rabbit.stop());
    const folder = await mkdtemp(join(tmpdir(), 'reasons-'));
    releases.add('the folder', () => rm(folder, { recursive: true }));
    let asked = 0;
    const api = createServer((_request, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify([{ id: `c-${asked % 5}`, count: asked }]));
    }).listen(0, '127.0.0.1');
    await once(api, 'listening');
    releases.add('the API', () => {
      api.closeAllConnections();
      api.close();
    });
    const config = parsePipeline(
      `
name: ${name}
entities: { thing: { dataset: things, queue: ${name}, key: id, fields: { id: string, count: integer } } }
endpoints: { things: { url: "http://127.0.0.1:${(api.address() as AddressInfo).port}", entity: thing, schedule: { every: 300ms } } }
batch: { size: 1, interval: 200ms }
sink: { csv: { directory: ${folder} } }
`,
      {},
      'reasons.yaml',
    );
    const common = {
      config,
      amqpUrl: rabbit.url,
      redisUrl: inject('redisUrl'),
      instance: name,
      port: 0,
      host: '127.0.0.1',
      log,
    };
    consumer = createConsumer(common);
    producer = createProducer({ ...common, schedule: true });
    for (const service of [consumer, producer]) {
      await service.start();
      releases.add('a service', () => service.stop(2_000));
    }
    await allReady(60_000);
    const watch = setInterval(() => void Promise.all([consumer, producer].map(readiness)).catch(() => {}), 20);
    releases.add('the watch', () => clearInterval(watch));
  }, 120_000);
  afterAll(() => releases.release());

  const readiness = async ({ url }: { readonly url: string }): Promise<string> => {
    const response = await fetch(`${url}/readyz`);
    const { problems } = (await response.json()) as { problems: string[] };
    said.push(...problems);
    return problems.join('; ');
  };
  const allReady = (timeout = 30_000) =>
    vi.waitFor(async () => expect([await readiness(consumer), await readiness(producer)]).toEqual(['', '']), {
      timeout,
      interval: 100,
    });
  const tells = (service: Consumer | Producer, words: RegExp) =>
    vi.waitFor(async () => expect(await readiness(service)).toMatch(words), { interval: 20 });

  test('a quorum queue without a process (541), and an operator who closes the connections (320): both services name it and say what to do, until the node brings it back', async () => {
    const server = `quorum_queues, {'%2F_${name}', node()}`;
    await rabbit.ctl('eval', `ra:stop_server(${server}).`);
    try {
      await tells(producer, new RegExp(`has confirmed nothing .* to queue "${name}": .*restart its node`));
      await rabbit.ctl('close_all_connections', 'noon');
      await tells(consumer, new RegExp(`not consuming: .*queue "${name}".*541 INTERNAL_ERROR; .*restart the node`));
    } finally {
      await rabbit.ctl('eval', `ra:restart_server(${server}).`);
    }
    await allReady();
    // The connections were closed by an operator (320), whose words were told too, until there were others.
    expect(said.join('\n')).toMatch(/320 CONNECTION_FORCED - noon; /);
  });

  test('a deleted queue: the consumer says which one it does not get any more, and declares it again', async () => {
    const connection = await connect(rabbit.url);
    await (await connection.createChannel()).deleteQueue(name);
    await connection.close();
    const words = `consumer cancelled: RabbitMQ gives out nothing of queue "${name}" any more: it was deleted`;
    await vi.waitFor(() => expect(said.join('\n')).toMatch(words));
    await allReady(60_000);
  });

  test('the words of RabbitMQ are never hidden behind those of the library', () => {
    expect(said.filter((words) => HIDDEN.test(words))).toEqual([]);
  });

  test('each call that waits fails with the reason: 404, 406 and 403, its own or that of the call before it', async () => {
    await rabbit.ctl('add_user', name, 'secret');
    await rabbit.ctl('set_permissions', name, '^nothing$', '.*', '.*');
    const url = new URL(rabbit.url);
    url.username = name;
    url.password = 'secret';
    const connection = await connectBroker({ urls: url.toString(), connectionName: name, log });
    try {
      const reasonsOf = async (
        ask: (channel: Awaited<ReturnType<typeof connection.createChannel>>) => Promise<unknown>[],
      ) => {
        const ended = await Promise.allSettled(ask(await connection.createChannel()));
        return ended.map((one) => (one.status === 'rejected' ? describeBrokerError(one.reason) : 'no error'));
      };
      const twice = (words: RegExp) => [expect.stringMatching(words), expect.stringMatching(words)];
      const nowhere = `${name}-nowhere`;
      expect(await reasonsOf((channel) => [channel.checkQueue(nowhere), channel.checkQueue(name)])).toEqual(
        twice(/404 NOT_FOUND - no queue '.*-nowhere'/),
      );
      expect(await reasonsOf((channel) => [channel.assertQueue(nowhere), channel.get(name)])).toEqual(
        twice(/403 ACCESS_REFUSED - .*set_permissions/),
      );
      expect(
        await reasonsOf((channel) => {
          channel.ack({ fields: { deliveryTag: 77 } } as Parameters<typeof channel.ack>[0]);
          return [channel.checkQueue(name), channel.checkQueue(name)];
        }),
      ).toEqual(twice(/406 PRECONDITION_FAILED - unknown delivery tag 77/));
    } finally {
      await connection.close();
      await rabbit.ctl('delete_user', name);
    }
  });
});
