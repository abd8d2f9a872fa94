import {
  type Closable,
  closeAmqp,
  connectionsEnd,
  type DeclaringChannel,
  describeBrokerError,
  type ReleaseList,
} from '@tributary/shared';
import type { DeadLetterChannel } from '../dead-letters/letter-channel.js';
import type { IntakeChannel } from '../intake/channel.js';
import type { Ending } from './ending.js';

/** A connection to the broker, as a session needs it. The recovering connection of amqplib fits this port. */
export interface Broker {
  /** Waits for as long as the broker is away. */
  createConfirmChannel(): Promise<SessionChannel>;
}

/** A channel of a session: for deliveries, or for dead letters. */
export type SessionChannel = IntakeChannel & DeadLetterChannel & DeclaringChannel & Closable & ClosingChannel;

interface ClosingChannel {
  /** amqplib's connection. */
  readonly connection?: object;
  /** The broker closes the channel, for this reason; `close` follows. */
  on(event: 'error', listener: (reason: Error) => void): unknown;
  /** Emitted when the channel is closed by either side, after `error` if there was one. */
  on(event: 'close', listener: () => void): unknown;
}

/** Opens a channel that ends the session when it closes, and is closed when the session ends. */
export async function openChannel(broker: Broker, ending: Ending, release: ReleaseList): Promise<SessionChannel> {
  const channel = await broker.createConfirmChannel();
  release.add('channel', () => closeAmqp(channel));
  let reason: Error | undefined;
  channel.on('error', (error) => {
    reason = error;
  });
  channel.on('close', () => {
    // Only then it is known why a connection is closed.
    queueMicrotask(() => ending.by('channel closed', wordsFor(reason ?? connectionsEnd(channel))));
  });
  return channel;
}

const wordsFor = (reason: Error | undefined): string =>
  reason === undefined ? 'the connection to RabbitMQ is lost' : describeBrokerError(reason);
