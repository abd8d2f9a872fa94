import { closeAmqp } from '@tributary/shared';
import { connect } from 'amqplib';
import { expect, inject, test } from 'vitest';
import { startCuttableWay } from './cuttable-way.js';

test.each(['channel', 'connection'])(
  'a %s that is lost before the answer to its close has come counts as closed',
  async (what) => {
    const way = await startCuttableWay(inject('amqpUrl'));
    const connection = await connect(way.url);
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    way.fallSilent();
    const closing = closeAmqp(what === 'channel' ? channel : connection);
    way.cut();
    await expect(closing).resolves.toBeUndefined();
  },
);
