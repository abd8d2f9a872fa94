import { connectBroker, systemClock, topologyOf } from '@tributary/shared';
import { AmqpServer } from 'amqp-emulator';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createIds } from '../../src/publish/ids.js';
import { messageMaker, type OutgoingMessage } from '../../src/publish/messages.js';
import { Publisher, type PublisherOptions } from '../../src/publish/publisher.js';
import { recordingLog } from '../support/log.js';
import { endpointWith, pipelineWith } from '../support/pipeline.js';
import { startRiggedBroker } from '../support/rigged-broker.js';
import { describePublisher } from './publisher-conformance.js';

describePublisher(
  'amqp-emulator',
  async () => {
    const server = new AmqpServer();
    const { url } = await server.listen();
    onTestFinished(() => server.close());
    let cuts = 0;
    const disconnectAll = async () => {
      cuts += 1;
      // By turns as a broker that shuts down does, and as a network that fails.
      if (cuts % 2 === 1) server.disconnect();
      else for (const connection of server.connections) connection.destroy();
    };
    return { url, disconnectAll };
  },
  { refusesOverflow: false },
);

describe('publisher: a broker that misbehaves', () => {
  async function setUp(options: Pick<PublisherOptions, 'standIn' | 'pack'> = {}) {
    const broker = await startRiggedBroker();
    const { log, lines } = recordingLog();
    const connection = await connectBroker({ urls: broker.url, connectionName: 'test', log });
    const topology = topologyOf(pipelineWith({}));
    const publisher = new Publisher({ connection, topology, clock: systemClock, log, ...options });
    onTestFinished(async () => {
      publisher.close();
      await connection.close();
    });
    await vi.waitFor(() => expect(publisher.problem).toBeUndefined());
    const messageOf = messageMaker(endpointWith({ url: 'http://127.0.0.1:1/' }), 1, createIds());
    const message = (id: string, size = 0) =>
      messageOf({ id, padding: 'x'.repeat(size) }, Date.parse('2026-03-01T12:00:00Z'));
    const queued = () => broker.server.getBroker().getQueue('customer_data')?.messageCount ?? 0;
    return { broker, publisher, message, lines, queued };
  }

  it('publishes again what a queue refuses, and says so once', async () => {
    const { broker, publisher, message, lines } = await setUp();
    broker.refuse(3);
    const run = publisher.begin();
    for (const id of ['a', 'b', 'c', 'd']) await run.publish(message(id));
    await run.flush();
    expect(run.confirmed).toBe(4);
    expect(publisher.stats[0]).toMatchObject({ published: 7, confirmed: 4, rejected: 3, unconfirmed: 0 });
    expect(lines.filter(({ msg }) => msg.includes('the queue refuses messages'))).toHaveLength(1);
  });

  it('leaves out a message larger than the broker takes, as learned from its refusal, and publishes the others', async () => {
    const { broker, publisher, message, lines, queued } = await setUp();
    broker.closeChannels('PRECONDITION_FAILED - message size SIZE is larger than configured max size 5000', 5_000);
    const run = publisher.begin();
    for (const [id, size] of [
      ['a', 10],
      ['b', 9_000],
      ['c', 10],
      ['d', 7_000],
    ] as const) {
      await run.publish(message(id, size));
    }
    await run.flush();
    expect(run.confirmed).toBe(2);
    expect(queued()).toBeGreaterThanOrEqual(2);
    expect(publisher.stats[0]?.tooLarge).toBe(2);
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { endpoint: 'crm', entity: 'customer', key: 'b', limit: 5_000 },
      { endpoint: 'crm', entity: 'customer', key: 'd', limit: 5_000 },
    ]);
    await run.publish(message('e', 8_000));
    await run.flush();
    expect(publisher.stats[0]?.tooLarge).toBe(3);
  });

  it('sends what stands in for a message larger than the broker takes, also for one that was refused', async () => {
    const standIn = ({ envelope }: OutgoingMessage, limit: number) => ({
      envelope,
      body: Buffer.from(`"at most ${limit}"`),
    });
    const { broker, publisher, message, queued } = await setUp({ standIn });
    broker.closeChannels('PRECONDITION_FAILED - message size SIZE is larger than configured max size 5000', 5_000);
    const run = publisher.begin();
    await run.publish(message('a', 10));
    await run.publish(message('b', 9_000));
    await run.flush();
    expect(run.confirmed).toBe(2);
    await run.publish(message('c', 8_000));
    await run.flush();
    expect(run.confirmed).toBe(3);
    expect(queued()).toBeGreaterThanOrEqual(3);
    expect(publisher.stats[0]).toMatchObject({ tooLarge: 2, unconfirmed: 0 });
  });

  it('sends the records of a pack that is larger than the broker takes in smaller ones', async () => {
    const { broker, publisher, message, lines, queued } = await setUp({ pack: { records: 50, bytes: 100_000 } });
    broker.closeChannels('PRECONDITION_FAILED - message size SIZE is larger than configured max size 5000', 5_000);
    const run = publisher.begin();
    for (let n = 0; n < 300; n++) void run.publish(message(`k${n}`, 300));
    await run.flush();
    expect(run.confirmed).toBe(300);
    expect(queued()).toBeGreaterThan(64);
    expect(publisher.stats[0]).toMatchObject({ tooLarge: 0, unconfirmed: 0 });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('packs what comes together, if it always shall, and sends it without a flush or a confirm', async () => {
    const { publisher, message, queued } = await setUp({ pack: { records: 50, bytes: 100_000, from: 0 } });
    const run = publisher.begin();
    for (let n = 0; n < 120; n++) void run.publish(message(`k${n}`));
    await vi.waitFor(() => expect(run.confirmed).toBe(120));
    expect(queued()).toBe(3);
    await run.flush();
  });

  it('gives up the records that wait to be packed, when it is closed', async () => {
    const { publisher, message } = await setUp({ pack: { records: 50, bytes: 100_000 } });
    const run = publisher.begin();
    for (let n = 0; n < 80; n++) void run.publish(message(`k${n}`));
    publisher.close();
    await expect(run.flush()).rejects.toMatchObject({ code: 'publisher_closed' });
    expect(publisher.stats[0]?.unconfirmed).toBe(0);
    await publisher.drained();
  });

  it('does not even try a message larger than RabbitMQ takes', async () => {
    const { publisher, message } = await setUp();
    const run = publisher.begin();
    await run.publish(message('a', 17 * 1024 * 1024));
    await run.flush();
    expect(publisher.stats[0]).toMatchObject({ published: 0, tooLarge: 1, unconfirmed: 0 });
  });

  it('fails the run, with what the broker said, when it takes the channel away again and again', async () => {
    const { broker, publisher, message } = await setUp();
    broker.closeChannels('PRECONDITION_FAILED - not today');
    const run = publisher.begin();
    await run.publish(message('a'));
    await expect(run.flush()).rejects.toMatchObject({
      code: 'broker_refuses',
      message: expect.stringContaining('not today'),
    });
    broker.closeChannels(undefined);
    const next = publisher.begin();
    await next.publish(message('b'));
    await next.flush();
    expect(next.confirmed).toBe(1);
  });

  it('waits for confirms that are late, and no run is done before them', async () => {
    const { broker, publisher, message } = await setUp();
    broker.confirm(false);
    const run = publisher.begin();
    await run.publish(message('a'));
    let flushed = false;
    const flushing = run.flush().then(() => {
      flushed = true;
    });
    const drained = publisher.drained();
    // The message is there, its confirm is not.
    await vi.waitFor(() => expect(broker.server.getBroker().getQueue('customer_data')?.messageCount).toBe(1));
    expect([flushed, run.confirmed]).toEqual([false, 0]);
    broker.confirm(true);
    await Promise.all([flushing, drained]);
    expect(run.confirmed).toBe(1);
  });
});
