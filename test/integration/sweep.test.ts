import { type Channel, createLogger, RetryableError, systemClock } from '@tributary/shared';
import { connect } from 'amqplib';
import { beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { Broker } from '../../dashboard/src/dead-letters/broker.js';
import { sweep } from '../../dashboard/src/dead-letters/sweep.js';
import { uniqueName } from '../services/handle.js';
import { startCuttableWay } from './cuttable-way.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describe('a look at the dead letters whose connection is cut', () => {
  let deadQueue: string;
  let broker: Broker;
  let cut: () => void;
  let open: () => Promise<Channel>;
  beforeEach(async () => {
    deadQueue = uniqueName('swept');
    const connection = await connect(inject('amqpUrl'));
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(deadQueue, { durable: true });
    onTestFinished(async () => {
      await channel.deleteQueue(deadQueue);
      await connection.close();
    });
    for (let n = 0; n < 10; n++) channel.sendToQueue(deadQueue, Buffer.from(`${n}`));
    await channel.waitForConfirms();

    const way = await startCuttableWay(inject('amqpUrl'));
    cut = () => way.cut();
    broker = new Broker({ urls: way.url, connectionName: 'test', log });
    await broker.open();
    onTestFinished(() => broker.close());
    await expect.poll(() => broker.connected).toBe(true);
    open = broker.channel.bind(broker);
  });
  const look = () =>
    sweep(broker, {
      deadQueue,
      visit: () => 'keep' as const,
      atMost: 100,
      atMostBytes: 1_000_000,
      perChannel: 6,
      mostReturns: 5,
      signal: new AbortController().signal,
      clock: systemClock,
      renew: async () => false,
    });
  /** Cuts the way once a call of that name is asked on any channel, before its answer can come. */
  const cutAfter = (name: 'consume' | 'cancel' | 'close') => {
    broker.channel = async () => {
      const channel = await open();
      const call = channel[name].bind(channel) as (...args: unknown[]) => Promise<unknown>;
      Object.assign(channel, {
        [name]: (...args: unknown[]) => {
          const answer = call(...args);
          cut();
          return answer;
        },
      });
      return channel;
    };
  };

  // A rejection that nobody hears of ends the process, and fails the run.
  test.each(['consume', 'cancel', 'close'] as const)('at its %s ends, and the letters stay', async (name) => {
    cutAfter(name);
    const outcome = await look().catch((error: unknown) => error);
    if (name !== 'close') expect(outcome).toBeInstanceOf(RetryableError);
    broker.channel = open;
    await expect.poll(() => broker.connected).toBe(true);
    await expect.poll(look).toMatchObject({ looked: 10, removed: 0, complete: true });
  });
});
