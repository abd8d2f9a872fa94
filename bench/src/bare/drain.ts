import { connect } from 'amqplib';

/** Enough to keep the broker busy. A few hundred more or less make no difference. */
const PREFETCH = 1_000;
const ACK_EVERY = 100;

/** When the drain began and ended, in milliseconds since the epoch. */
export interface Drained {
  readonly began: number;
  readonly ended: number;
}

/** Takes messages from a queue and acknowledges them, without doing anything else. The times are of the first delivery and the last ack. */
export async function drainBarely(url: string, queue: string, count: number): Promise<Drained> {
  const connection = await connect(url, { noDelay: true });
  try {
    const channel = await connection.createChannel();
    await channel.prefetch(PREFETCH);
    return await new Promise<Drained>((resolve, reject) => {
      connection.on('error', reject);
      channel.on('close', () => reject(new Error(`the broker closed the channel that drained ${queue}`)));
      let taken = 0;
      let began = 0;
      const onMessage = (message: Parameters<typeof channel.ack>[0] | null) => {
        if (message === null) return reject(new Error(`${queue} was deleted while it was drained`));
        if (taken === 0) began = now();
        taken += 1;
        if (taken % ACK_EVERY === 0 || taken === count) channel.ack(message, true);
        if (taken === count) resolve({ began, ended: now() });
      };
      channel.consume(queue, onMessage).catch(reject);
    });
  } finally {
    await connection.close();
  }
}

/** With fractions of a millisecond, and the same in every thread. */
const now = (): number => performance.timeOrigin + performance.now();
