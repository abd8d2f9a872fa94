import type { Channel, RecoveringChannelModel } from 'amqplib';

/** By connection, why it was closed, in the server's words or those of the network. */
const reasons = new WeakMap<object, Error>();

/** What asks the server and waits for its answer. */
const ASKING = [
  'assertExchange',
  'assertQueue',
  'bindQueue',
  'cancel',
  'checkQueue',
  'consume',
  'deleteQueue',
  'get',
  'prefetch',
  'purgeQueue',
  'waitForConfirms',
] as const;

/** What amqplib says in the place of the reason why it waits no longer. */
const GENERIC =
  /^(Channel ended, no reply will be forthcoming|Channel clos(ed|ing)|channel closed|Connection clos(ed|ing))$/;

/**
 * Makes what waits for an answer on a channel fail with the reason for which the channel or its connection was closed. amqplib gives the
 * reason to listeners of events alone, and says "Channel ended, no reply will be forthcoming" to those who wait; so a person would not learn
 * that RabbitMQ has failed (541), or that an operator has closed the connection (320).
 */
export function tellCloseReasons(connection: RecoveringChannelModel): void {
  let current: object | undefined;
  connection.on('connect', (model) => {
    current = model.connection;
  });
  connection.on('disconnect', (error) => {
    if (current !== undefined) reasons.set(current, error);
  });
  const { createChannel, createConfirmChannel } = connection;
  const explained = async <C extends Channel>(creating: Promise<C>): Promise<C> => {
    try {
      return explainChannel(await creating);
    } catch (error) {
      throw isGeneric(error) ? ((current && reasons.get(current)) ?? error) : error;
    }
  };
  connection.createChannel = (options) => explained(createChannel.call(connection, options));
  connection.createConfirmChannel = (options) => explained(createConfirmChannel.call(connection, options));
}

/**
 * Why the channel's connection was closed; undefined if it is open, or closed by this side. It is known in the tick after the channel's
 * event `close`, which comes before that of the connection.
 */
export function connectionsEnd(channel: { readonly connection?: object }): Error | undefined {
  return channel.connection && reasons.get(channel.connection);
}

function explainChannel<C extends Channel>(channel: C): C {
  let own: Error | undefined;
  channel.on('error', (error: Error) => {
    own ??= error;
  });
  for (const name of ASKING) {
    const ask: unknown = Reflect.get(channel, name);
    if (typeof ask !== 'function') continue;
    const value = async (...given: unknown[]): Promise<unknown> => {
      try {
        return await Reflect.apply(ask, channel, given);
      } catch (error) {
        throw isGeneric(error) ? (own ?? connectionsEnd(channel) ?? error) : error;
      }
    };
    Object.defineProperty(channel, name, { value });
  }
  return channel;
}

const isGeneric = (error: unknown): boolean => error instanceof Error && GENERIC.test(error.message);
