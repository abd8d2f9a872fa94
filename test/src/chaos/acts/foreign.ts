import { topologyOf } from '@tributary/shared';
import { connect } from 'amqplib';
import type { Act } from './act.js';

/** How many messages another program sends at a time. */
const AT_ONCE = 12;

/** Another program sends messages that are no records, straight into the queues. */
export const sendForeign: Act = (fault, scene) =>
  scene.inTurn(scene.stage.rabbitmq, async () => {
    const { rabbitmq, pipeline, world } = scene.stage;
    const { queues } = topologyOf(pipeline.config);
    const connection = await connect(rabbitmq.url, { timeout: 5_000 });
    connection.on('error', () => {});
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => {});
      const returned = new Set<string>();
      // There may be no queue at the moment.
      channel.on('return', ({ properties }) => returned.add(properties.messageId));
      for (let one = 0; one < AT_ONCE; one++) {
        const { queue } = queues[one % queues.length] ?? { queue: '' };
        const { id, body, options } = world.foreign.next();
        channel.sendToQueue(queue, body, { ...options, messageId: id, mandatory: true }, (error: unknown) => {
          if (!error && !returned.has(id)) world.foreign.confirmed(id);
        });
      }
      // A broker under alarm takes nothing from a publisher: then the messages are not sent after all.
      await Promise.race([channel.waitForConfirms().catch(() => {}), scene.sleep(2_000)]);
      scene.count(fault, `${AT_ONCE} messages of another program that are no records`);
    } finally {
      // A broker under alarm answers to a close only when the alarm is over.
      await Promise.race([connection.close().catch(() => {}), scene.sleep(2_000)]);
    }
  });
