import type { DeclaringChannel, publishOptions } from '@tributary/shared';

/** The AMQP properties of a message. */
export type PublishOptions = ReturnType<typeof publishOptions>;

/** A broker's answer to one message, or to all messages up to it. Delivery tags count the messages of a channel from 1. */
export interface PublishAnswer {
  readonly deliveryTag: number;
  readonly multiple: boolean;
}

/** What publishing needs of a confirm channel. amqplib's confirm channel is one. */
export interface PublishChannel extends DeclaringChannel {
  /** The connection; channels of one connection share it. */
  readonly connection: { readonly serverProperties: { readonly product: string; readonly version: string } };
  /**
   * Sends a message. The broker answers by `ack` or `nack`. The message is sent also if this returns false.
   * @throws an error for which {@link isClosing} is true while the channel closes; a TypeError for what cannot be encoded
   */
  publish(exchange: string, routingKey: string, content: Buffer, options: PublishOptions): boolean;
  close(): Promise<void>;
  /** The broker has stored the message (`ack`), or refused it (`nack`). */
  on(event: 'ack' | 'nack', listener: (answer: PublishAnswer) => void): unknown;
  /** No queue takes the message. Its `ack` comes all the same, later. */
  on(event: 'return', listener: (message: { readonly properties: { messageId?: unknown } }) => void): unknown;
  /** The broker closes the channel, for this reason; `close` follows. */
  on(event: 'error', listener: (reason: Error) => void): unknown;
  /** The channel is closed, by either side. Answers that had not come never will. */
  on(event: 'close', listener: () => void): unknown;
}

/** What publishing needs of a connection that reconnects by itself. */
export interface PublishConnection {
  /** Waits for a connection, if there is none. */
  createConfirmChannel(): Promise<PublishChannel>;
}

/** Whether a channel refused to publish because it is closing and has not emitted `close` yet. */
export const isClosing = (error: unknown): boolean => error instanceof Error && error.name === 'IllegalOperationError';
