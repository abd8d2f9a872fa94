/**
 * What the intake needs of a channel to the broker. The channels of amqplib fit these ports, and so do the stand-ins of
 * the tests.
 */

/** A message as the broker delivers it, as much of it as the consumer reads. */
export interface BrokerMessage {
  readonly content: Buffer;
  readonly fields: { readonly deliveryTag: number };
  readonly properties: BrokerProperties;
}

/** Any program may publish to a queue, so any property may be missing. */
export interface BrokerProperties {
  readonly messageId?: string | undefined;
  readonly type?: string | undefined;
  readonly appId?: string | undefined;
  /** Seconds since the epoch. */
  readonly timestamp?: number | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly priority?: number | undefined;
  readonly replyTo?: string | undefined;
  readonly expiration?: string | undefined;
  readonly userId?: string | undefined;
  readonly clusterId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

export interface AckChannel {
  /**
   * Acknowledges a message, or all messages up to it.
   * @throws Error named `IllegalOperationError` if the channel is closed
   */
  ack(message: BrokerMessage, allUpTo?: boolean): void;
}

export interface IntakeChannel extends AckChannel {
  /** Sets how many deliveries the broker gives out before it waits for an acknowledgement. */
  prefetch(count: number): Promise<unknown>;
  /** @param onMessage gets each delivery, and null when the broker cancels the consumer */
  consume(
    queue: string,
    onMessage: (message: BrokerMessage | null) => void,
    options: { consumerTag: string },
  ): Promise<{ consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
}
