import { randomUUID } from 'node:crypto';
import {
  applyTopology,
  bodiesOf,
  connectBroker,
  isPack,
  keyFieldsOf,
  type Logger,
  NumbersOfQueue,
  packedId,
  readEnvelope,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createIds } from '../../src/publish/ids.js';
import { messageMaker, type OutgoingMessage } from '../../src/publish/messages.js';
import { Publisher, type PublisherOptions } from '../../src/publish/publisher.js';
import { recordingLog } from '../support/log.js';
import { endpointWith, pipelineWith } from '../support/pipeline.js';

/** A broker to test against. */
export interface Broker {
  readonly url: string;
  /** Cuts every connection, as a restart of the broker or of a proxy does. */
  disconnectAll(): Promise<void>;
}

export interface BrokerTraits {
  /** It refuses messages (nack) to a queue that is full and has the overflow reject-publish. */
  readonly refusesOverflow: boolean;
}

/** What the publisher must do, on any broker. */
export function describePublisher(name: string, makeBroker: () => Promise<Broker>, traits: BrokerTraits): void {
  describe(`publisher: ${name}`, () => {
    it('publishes persistent messages with their envelope, in order, and flush awaits their confirms', async () => {
      const { publisher, messages, read } = await setUp(makeBroker);
      const run = publisher.begin();
      const sent = messages(50);
      for (const message of sent) await run.publish(message);
      await run.flush();
      expect(run.confirmed).toBe(50);

      const received = await read('customer');
      expect(received.map(({ content }) => content.toString())).toEqual(sent.map(({ body }) => body.toString()));
      expect(received.map((message) => readEnvelope(message, 'customer'))).toEqual(
        sent.map(({ envelope }) => envelope),
      );
      expect(received[0]?.properties).toMatchObject({ deliveryMode: 2, contentType: 'application/json' });
    });

    it('routes each entity to its own queue', async () => {
      const { publisher, messages, read } = await setUp(makeBroker);
      const run = publisher.begin();
      for (const message of [...messages(3), ...messages(2, 'inventory')]) await run.publish(message);
      await run.flush();
      expect([(await read('customer')).length, (await read('inventory')).length]).toEqual([3, 2]);
    });

    it('asks to wait when the window is full, and never holds more', async () => {
      const { publisher, messages, unconfirmed } = await setUp(makeBroker, { window: 10 });
      const run = publisher.begin();
      let waits = 0;
      for (const message of messages(500)) {
        const full = run.publish(message);
        expect(unconfirmed()).toBeLessThanOrEqual(10);
        if (full === undefined) continue;
        waits += 1;
        await full;
      }
      await run.flush();
      expect(waits).toBeGreaterThan(40);
      expect(unconfirmed()).toBe(0);
    });

    it('asks to wait when few but large messages fill the window', async () => {
      const { publisher, messages } = await setUp(makeBroker, { windowBytes: 1_000 });
      const [first, second] = messages(2, 'customer', 'x'.repeat(600));
      const run = publisher.begin();
      expect(run.publish(first as OutgoingMessage)).toBeUndefined();
      const full = run.publish(second as OutgoingMessage);
      expect(full).toBeInstanceOf(Promise);
      await full;
      await run.flush();
    });

    it('counts for the window what it holds of the records of a pack', async () => {
      const pack = { records: 10, bytes: 100_000, from: 0 };
      const { publisher, messages } = await setUp(makeBroker, { windowBytes: 6_000, pack });
      const run = publisher.begin();
      const sent = messages(10);
      for (const message of sent.slice(0, 9)) expect(run.publish(message)).toBeUndefined();
      const full = run.publish(sent[9] as OutgoingMessage);
      expect(full).toBeInstanceOf(Promise);
      await full;
      await run.flush();
      expect(run.confirmed).toBe(10);
    });

    it('packs records while the broker does not keep up, in order and with ids that sort so, and sends them alone otherwise', async () => {
      const pack = { records: 10, bytes: 100_000 };
      const { publisher, messages, read } = await setUp(makeBroker, { pack, drawn: () => 7 });
      const run = publisher.begin('crm');
      const sent = [...messages(150), ...messages(33, 'customer', 'x', '2026-03-01T12:00:01Z')];
      for (const message of sent) void run.publish(message);
      await run.flush();
      expect(run.confirmed).toBe(183);
      expect(publisher.stats[0]).toMatchObject({ published: 183, confirmed: 183, unconfirmed: 0 });
      const received = await read('customer');
      expect(received.length).toBeLessThan(64 + 20);
      const records = received.flatMap(({ content, properties }) => {
        const bodies = isPack(properties) ? [...bodiesOf(content)] : [content];
        expect(bodies.length).toBeLessThanOrEqual(10);
        expect(properties.headers?.records).toBe(bodies.length === 1 ? undefined : bodies.length);
        return bodies.map((body, place) => ({
          body: body.toString(),
          id: bodies.length === 1 ? properties.messageId : packedId(properties.messageId, place),
          fetchedAt: properties.headers?.fetchedAt,
        }));
      });
      expect(records.map(({ body }) => body)).toEqual(sent.map(({ body }) => body.toString()));
      expect(records.map(({ fetchedAt }) => fetchedAt)).toEqual(sent.map(({ envelope }) => envelope.fetchedAt));
      const ids = records.map(({ id }) => id);
      expect(ids.toSorted()).toEqual(ids);
      // Each record has a number, and all of them are one publication.
      const numbers = new NumbersOfQueue('q');
      for (const { properties } of received) numbers.add(properties.headers?.publication);
      expect(numbers.take().map(({ runs }) => runs)).toEqual([[[0, 182]]]);
      expect(run.numbering?.take()).toMatchObject([{ from: 0, to: 184, count: 183 }]);
      // The broker keeps up now.
      for (const message of messages(20)) {
        await run.publish(message);
        await run.flush();
      }
      expect((await read('customer')).map(({ properties }) => properties.contentType)).toEqual(
        Array.from({ length: 20 }, () => 'application/json'),
      );
    });

    it('loses nothing of packs when connections are cut in the middle', async () => {
      const pack = { records: 7, bytes: 100_000 };
      const { broker, publisher, messages, read } = await setUp(makeBroker, { window: 80, pack });
      const run = publisher.begin();
      const sent = messages(2_000);
      for (const [index, message] of sent.entries()) {
        if (index === 600 || index === 1_300) void broker.disconnectAll();
        const full = run.publish(message);
        if (full !== undefined) await full;
      }
      await run.flush();
      expect(run.confirmed).toBe(2_000);
      const received = (await read('customer')).flatMap(({ content, properties: { messageId, ...properties } }) =>
        isPack(properties)
          ? [...bodiesOf(content)].map((body, place) => [String(body), packedId(messageId, place)] as const)
          : [[content.toString(), String(messageId)] as const],
      );
      expect(new Set(received.map(([body]) => body))).toEqual(new Set(sent.map(({ body }) => body.toString())));
      // What was published again has the ids that it had: the consumer would take others for newer records.
      const ids = new Map(received);
      expect(received.filter(([body, id]) => ids.get(body) !== id)).toEqual([]);
    });

    it('loses nothing when connections are cut in the middle: the same message ids come again', async () => {
      const { broker, publisher, messages, read } = await setUp(makeBroker, { window: 50 });
      const run = publisher.begin();
      const sent = messages(400);
      for (const [index, message] of sent.entries()) {
        if (index === 130 || index === 270) void broker.disconnectAll();
        await run.publish(message);
      }
      await run.flush();
      const ids = (await read('customer')).map(({ properties }) => properties.messageId);
      expect([...new Set(ids)].sort()).toEqual(sent.map(({ envelope }) => envelope.messageId).sort());
    });

    it('accepts messages while the broker is away, up to the window, and publishes them when it is back', async () => {
      const { broker, publisher, messages, read } = await setUp(makeBroker, { window: 20 });
      await broker.disconnectAll();
      await vi.waitFor(() => expect(publisher.problem).toContain('not connected'));
      const run = publisher.begin();
      const sent = messages(20);
      const waits = sent.map((message) => run.publish(message));
      expect(waits.slice(0, 19).every((full) => full === undefined)).toBe(true);
      await waits[19];
      await run.flush();
      expect(await read('customer')).toHaveLength(20);
    });

    it('declares the topology again, and goes on, when the exchange is deleted and the channel closed (404)', async () => {
      const { publisher, messages, read, admin, topology } = await setUp(makeBroker);
      const before = publisher.begin();
      for (const message of messages(3)) await before.publish(message);
      await before.flush();
      await admin.deleteExchange(topology.exchange);
      const run = publisher.begin();
      for (const message of messages(5)) await run.publish(message);
      await run.flush();
      expect(await read('customer')).toHaveLength(8);
    });

    it('fails the run, naming the queue, when a message has no queue to go to; the next run finds it declared', async () => {
      const { publisher, messages, read, admin, queueOf } = await setUp(makeBroker);
      await admin.deleteQueue(queueOf('customer'));
      const run = publisher.begin();
      const healthy = publisher.begin();
      for (const message of messages(3)) await run.publish(message);
      for (const message of messages(3, 'inventory')) await healthy.publish(message);
      await expect(run.flush()).rejects.toMatchObject({
        code: 'unroutable',
        message: expect.stringContaining(`queue "${queueOf('customer')}" is gone`),
      });
      expect(() => run.publish(messages(1)[0] as OutgoingMessage)).toThrow('is gone');
      await healthy.flush();
      expect(run.confirmed).toBe(0);
      expect(publisher.stats[0]?.returned).toBeGreaterThan(0);

      const next = publisher.begin();
      for (const message of messages(2)) await next.publish(message);
      await next.flush();
      expect(await read('customer')).toHaveLength(2);
    });

    it('lets each run await its own messages', async () => {
      const { publisher, messages } = await setUp(makeBroker);
      const first = publisher.begin();
      const second = publisher.begin();
      await second.flush();
      for (const message of messages(10)) await first.publish(message);
      await second.publish(messages(1)[0] as OutgoingMessage);
      await Promise.all([first.flush(), second.flush()]);
      expect([first.confirmed, second.confirmed]).toEqual([10, 1]);
    });

    it('fails runs with unconfirmed messages when it is closed, and resolves the waits of callers', async () => {
      const { broker, publisher, messages, unconfirmed } = await setUp(makeBroker, { window: 5 });
      await broker.disconnectAll();
      await vi.waitFor(() => expect(publisher.problem).toContain('not connected'));
      const run = publisher.begin();
      const waits = messages(5).map((message) => run.publish(message));
      const flushed = run.flush();
      publisher.close();
      publisher.close();
      await expect(flushed).rejects.toThrow('stopped before RabbitMQ had confirmed every message');
      await waits[4];
      await publisher.drained();
      expect(unconfirmed()).toBe(0);
    });

    it('says what a person must do when an exchange or queue exists with other arguments, and fails every run', async () => {
      const { broker, publisher: other, topology, admin, log } = await setUp(makeBroker);
      const taken = `${topology.exchange}.taken`;
      await admin.assertExchange(taken, 'fanout');
      onTestFinished(async () => void (await admin.deleteExchange(taken)));
      const publisher = await openPublisher(broker, { topology: { ...topology, exchange: taken }, log });
      const run = publisher.begin();
      await run.publish(messagesOf(1, 'customer')[0] as OutgoingMessage);
      await expect(run.flush()).rejects.toMatchObject({ code: 'topology_conflict' });
      expect(publisher.problem).toContain('exists with other arguments');
      expect(other.problem).toBeUndefined();

      await admin.deleteExchange(taken);
      await vi.waitFor(() => expect(publisher.problem).toBeUndefined());
      const next = publisher.begin();
      await next.publish(messagesOf(1, 'customer')[0] as OutgoingMessage);
      await next.flush();
    });

    if (traits.refusesOverflow) {
      it('publishes what a full queue refuses again, after a pause each time', async () => {
        const { publisher, messages, read, admin, topology } = await setUp(makeBroker);
        const full = `${topology.exchange}.full`;
        await admin.assertQueue(full, {
          durable: true,
          arguments: { 'x-queue-type': 'classic', 'x-max-length': 1, 'x-overflow': 'reject-publish' },
        });
        onTestFinished(async () => void (await admin.deleteQueue(full)));
        // Not awaited, a record could come before this message, which would then be the one that is refused.
        await admin.sendToQueue(full, Buffer.from('full'));
        await admin.bindQueue(full, topology.exchange, 'customer');
        const run = publisher.begin();
        for (const message of messages(5)) await run.publish(message);
        await vi.waitFor(() => expect(publisher.stats[0]?.rejected).toBeGreaterThan(5));
        await admin.unbindQueue(full, topology.exchange, 'customer');
        await run.flush();
        expect(run.confirmed).toBe(5);
        expect(new Set((await read('customer')).map(({ properties }) => properties.messageId)).size).toBe(5);
      });
    }
  });
}

let made = 0;

function messagesOf(
  count: number,
  entity: string,
  padding = '',
  fetchedAt = '2026-03-01T12:00:00Z',
): OutgoingMessage[] {
  const endpoint = endpointWith({ url: 'http://127.0.0.1:1/', entity });
  const messageOf = messageMaker(endpoint, 1, createIds());
  const [key = ''] = keyFieldsOf(endpoint.entity.config);
  return Array.from({ length: count }, () =>
    messageOf({ [key]: `k${made++}`, updatedAt: '2026-03-01T12:00:00Z', padding }, Date.parse(fetchedAt)),
  );
}

async function openPublisher(broker: Broker, options: Omit<PublisherOptions, 'connection' | 'clock'>) {
  const connection = await connectBroker({ urls: broker.url, connectionName: 'publisher test', log: options.log });
  const publisher = new Publisher({ connection, clock: systemClock, ...options });
  onTestFinished(async () => {
    publisher.close();
    await connection.close();
  });
  return publisher;
}

/** A publisher on a topology of its own, and a second connection to look behind it. */
async function setUp(
  makeBroker: () => Promise<Broker>,
  options: Pick<PublisherOptions, 'window' | 'windowBytes' | 'pack' | 'drawn'> = {},
) {
  const broker = await makeBroker();
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  const plain = topologyOf(pipelineWith({}, { name }));
  const own = (queue: string) => `${name}.${queue}`;
  const topology = {
    ...plain,
    queues: plain.queues.map(({ entity, queue, deadQueue }) => ({
      entity,
      queue: own(queue),
      deadQueue: own(deadQueue),
    })),
  };
  const queueOf = (entity: string) => topology.queues.find((queue) => queue.entity === entity)?.queue ?? '';
  const { log }: { log: Logger } = recordingLog();

  // Tests cut every connection, so each look goes through a new one.
  const connected = async <T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> => {
    const connection = await connect(broker.url);
    try {
      return await work(await connection.createConfirmChannel());
    } finally {
      await connection.close();
    }
  };
  await connected((channel) => applyTopology(channel, topology));
  onTestFinished(() =>
    connected(async (channel) => {
      for (const { queue, deadQueue } of topology.queues) {
        await channel.deleteQueue(queue);
        await channel.deleteQueue(deadQueue);
      }
      await channel.deleteExchange(topology.exchange);
      await channel.deleteExchange(topology.deadExchange);
    }),
  );
  const admin = {
    deleteExchange: (exchange: string) => connected((channel) => channel.deleteExchange(exchange)),
    assertExchange: (exchange: string, type: string) => connected((channel) => channel.assertExchange(exchange, type)),
    deleteQueue: (queue: string) => connected((channel) => channel.deleteQueue(queue)),
    assertQueue: (...settings: Parameters<ConfirmChannel['assertQueue']>) =>
      connected((channel) => channel.assertQueue(...settings)),
    bindQueue: (...binding: Parameters<ConfirmChannel['bindQueue']>) =>
      connected((channel) => channel.bindQueue(...binding)),
    unbindQueue: (...binding: Parameters<ConfirmChannel['unbindQueue']>) =>
      connected((channel) => channel.unbindQueue(...binding)),
    sendToQueue: (queue: string, content: Buffer) =>
      connected(async (channel) => {
        channel.sendToQueue(queue, content);
        await channel.waitForConfirms();
      }),
  };
  const read = (entity: string): Promise<ConsumeMessage[]> =>
    connected(async (channel) => {
      const messages: ConsumeMessage[] = [];
      for (;;) {
        const message = await channel.get(queueOf(entity), { noAck: true });
        if (message === false) return messages;
        messages.push({ ...message, fields: { ...message.fields, consumerTag: '' } });
      }
    });

  const publisher = await openPublisher(broker, { topology, log, ...options });
  await vi.waitFor(() => expect(publisher.problem).toBeUndefined());
  const unconfirmed = () => publisher.stats.reduce((sum, stats) => sum + stats.unconfirmed, 0);
  const messages = (...given: [count: number, entity?: string, padding?: string, fetchedAt?: string]) => {
    const [count, entity = 'customer', ...others] = given;
    return messagesOf(count, entity, ...others);
  };
  return { broker, topology, queueOf, publisher, messages, read, admin, unconfirmed, log };
}
