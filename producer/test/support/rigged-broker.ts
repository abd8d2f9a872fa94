import { type AmqpConnection, AmqpServer } from 'amqp-emulator';
import { onTestFinished } from 'vitest';

export interface RiggedBroker {
  readonly url: string;
  readonly server: AmqpServer;
  /** Refuses (nack) this many of the messages that come next, as a full queue does. */
  refuse(count: number): void;
  /** Closes a channel over each message from now on, as RabbitMQ does over one that breaks a rule. */
  closeChannels(replyText: string | undefined, overBytes?: number): void;
  /** Confirms nothing until it is told to again, as a broker short of disk. */
  confirm(on: boolean): void;
}

/** A broker that can be told to misbehave as RabbitMQ may, but the emulator alone does not. */
export async function startRiggedBroker(): Promise<RiggedBroker> {
  const server = new AmqpServer();
  const { url } = await server.listen();
  onTestFinished(() => server.close());
  let refusals = 0;
  let closing: { text: string; over: number } | undefined;
  let confirming = true;
  const withheld: (() => void)[] = [];
  server.on('connection', (connection) => {
    (connection as AmqpConnection).on('channel', (channel) => {
      const send = channel.send.bind(channel);
      channel.send = (method, fields) => {
        if (method !== 'basic.ack') return send(method, fields);
        const answer = refusals > 0 ? 'basic.nack' : method;
        refusals -= refusals > 0 ? 1 : 0;
        const answered = () => send(answer, { requeue: false, ...fields });
        if (confirming) answered();
        else withheld.push(answered);
      };
      const handleHeader = channel.handleHeader.bind(channel);
      channel.handleHeader = (payload) => {
        const size = Number(payload.readBigUInt64BE(4));
        if (closing === undefined || size <= closing.over) return handleHeader(payload);
        const { text } = closing;
        channel.close({ code: 406, replyText: text.replace('SIZE', String(size)) } as never);
      };
    });
  });
  return {
    url,
    server,
    refuse(count) {
      refusals = count;
    },
    closeChannels(text, over = 0) {
      closing = text === undefined ? undefined : { text, over };
    },
    confirm(on) {
      confirming = on;
      if (on) for (const answer of withheld.splice(0)) answer();
    },
  };
}
