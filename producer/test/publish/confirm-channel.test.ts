import { EventEmitter } from 'node:events';
import { type Clock, topologyOf } from '@tributary/shared';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConfirmChannelKeeper } from '../../src/publish/confirm-channel.js';
import { recordingLog } from '../support/log.js';
import { pipelineWith } from '../support/pipeline.js';

/** A keeper whose broker says it is this version, and how long it waited before each time that it handed out a channel. */
function keeperOf(product: string, version: string, whileWaiting = () => {}) {
  const channels: EventEmitter[] = [];
  const server = { connection: { serverProperties: { product, version } } };
  const createConfirmChannel = async () => {
    const channel = new EventEmitter();
    const declare = async () => ({});
    channels.push(channel);
    return Object.assign(channel, {
      assertExchange: declare,
      assertQueue: async () => ({ messageCount: 0 }),
      bindQueue: declare,
      publish: () => true,
      close: async () => {},
      connection: server.connection,
    });
  };
  const waits: number[] = [];
  let waited = 0;
  const clock: Clock = {
    now: () => waited,
    monotonic: () => waited,
    sleep: async (ms) => {
      waited += ms;
      if (ms > 1_000) whileWaiting();
    },
  };
  const keeper = new ConfirmChannelKeeper(
    {
      topology: topologyOf(pipelineWith({})),
      clock,
      log: recordingLog().log,
      connection: { createConfirmChannel },
    },
    { opened: () => waits.push(waited), closed: () => {}, failed: () => {} },
  );
  onTestFinished(() => {
    keeper.close();
    for (const channel of channels) channel.emit('close');
  });
  void keeper.keepOpen();
  return { channels, waits, server };
}

describe('a confirm channel', () => {
  it('is not published on before queues that RabbitMQ 3 has just declared would outlive its kill', async () => {
    const { channels, waits } = keeperOf('RabbitMQ', '3.13.7');
    await vi.waitFor(() => expect(waits).toEqual([1_100]));
    channels[0]?.emit('close');
    await vi.waitFor(() => expect(waits).toHaveLength(2));
    // Only the moment that it waits before any new channel: they were declared long ago.
    expect(waits[1]).toBeLessThan(1_200);
  });

  it('waits again if RabbitMQ was killed while it waited: what was declared may have been forgotten', async () => {
    let kills = 1;
    const { channels, waits } = keeperOf('RabbitMQ', '3.13.7', () => {
      if (kills-- > 0) channels[0]?.emit('close');
    });
    await vi.waitFor(() => expect(waits).toHaveLength(1));
    expect(waits[0]).toBeGreaterThanOrEqual(2_200);
  });

  it('waits again on a new connection: a node that comes back empty was given its queues just now', async () => {
    const { channels, waits, server } = keeperOf('RabbitMQ', '3.13.7');
    await vi.waitFor(() => expect(waits).toEqual([1_100]));
    server.connection = { ...server.connection };
    channels[0]?.emit('close');
    await vi.waitFor(() => expect(waits).toHaveLength(2));
    expect(waits[1]).toBeGreaterThanOrEqual(2_200);
  });

  it.each([
    ['RabbitMQ', '4.0.5'],
    ['amqp-emulator', '0.1.0'],
  ])('is published on at once with %s %s', async (product, version) => {
    const { waits } = keeperOf(product, version);
    await vi.waitFor(() => expect(waits).toEqual([0]));
  });
});
