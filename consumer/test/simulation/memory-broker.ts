import { EventEmitter } from 'node:events';
import { PACK_CONTENT_TYPE, packBodies } from '@tributary/shared';
import type { BrokerMessage } from '../../src/intake/channel.js';
import type { Broker, SessionChannel } from '../../src/session/broker.js';
import { type Host, Wire, type World } from './world.js';

export interface Message {
  readonly messageId: string;
  readonly body: unknown;
  /** The bodies of its records, if it is a pack. */
  readonly pack?: readonly unknown[];
}

interface Queue {
  readonly name: string;
  readonly ready: Message[];
  readonly channels: Set<MemoryChannel>;
}

export interface BrokerHabits {
  /** Messages that one step gives to a consumer. */
  readonly burst: number;
  /** Where a message that is given back is put. RabbitMQ does one or the other, by queue type and version. */
  readonly requeue: 'front' | 'back';
}

/** As much of RabbitMQ as the consumer's sessions need, in memory, one step at a time. */
export class MemoryBroker {
  readonly world: World;
  readonly habits: BrokerHabits;
  /** What lies with the dead letters. */
  readonly dead: { readonly queue: string; readonly message: Message }[] = [];
  readonly #queues = new Map<string, Queue>();
  readonly #channels: MemoryChannel[] = [];
  readonly #host: Host = { name: 'broker', alive: true, stalledUntil: 0 };

  constructor(world: World, habits: BrokerHabits) {
    this.world = world;
    this.habits = habits;
  }

  publish(queue: string, message: Message): void {
    this.queue(queue).ready.push(message);
    this.pump();
  }

  /** Whether every message was acknowledged. */
  get isDrained(): boolean {
    return (
      [...this.#queues.values()].every(({ ready }) => ready.length === 0) &&
      this.#channels.every(({ unacknowledged }) => unacknowledged.size === 0)
    );
  }

  connection(host: Host): Broker {
    return {
      createConfirmChannel: async () => {
        await this.world.park(host, 'open channel');
        const channel = new MemoryChannel(this, host);
        this.#channels.push(channel);
        return channel;
      },
    };
  }

  /** Ends the broker's side of the host's channels; the host learns of it later. */
  disconnect(host: Host): void {
    for (const channel of this.#channels) if (channel.host === host) channel.closedByServer();
  }

  cancelConsumers(host: Host): void {
    for (const channel of this.#channels) if (channel.host === host) channel.cancelledByServer();
  }

  queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { name, ready: [], channels: new Set() };
      this.#queues.set(name, queue);
    }
    return queue;
  }

  requeue(queue: Queue, messages: readonly Message[]): void {
    if (this.habits.requeue === 'front') queue.ready.unshift(...messages);
    else queue.ready.push(...messages);
    this.pump();
  }

  /** Gives deliveries to each channel that has room, in the order that the schedule chooses. */
  pump(): void {
    for (const queue of this.#queues.values()) {
      for (const channel of queue.channels) {
        if (channel.delivering || !channel.hasRoom || queue.ready.length === 0) continue;
        channel.delivering = true;
        void this.world.park(this.#host, `deliver from ${queue.name} to ${channel.host.name}`).then(() => {
          channel.delivering = false;
          for (let n = 0; n < this.habits.burst && queue.channels.has(channel) && channel.hasRoom; n++) {
            const message = queue.ready.shift();
            if (message !== undefined) channel.deliver(queue, message);
          }
          this.pump();
        });
      }
    }
  }
}

class MemoryChannel extends EventEmitter implements SessionChannel {
  readonly unacknowledged = new Map<number, { queue: Queue; message: Message }>();
  readonly host: Host;
  delivering = false;
  readonly #broker: MemoryBroker;
  readonly #up: Wire;
  readonly #down: Wire;
  #prefetch = Number.POSITIVE_INFINITY;
  #callback: (message: BrokerMessage | null) => void = () => {};
  #lastTag = 0;
  /** Each side learns of the end at its own time. */
  #openHere = true;
  #openThere = true;

  constructor(broker: MemoryBroker, host: Host) {
    super();
    this.host = host;
    this.#broker = broker;
    this.#up = new Wire(broker.world, host);
    this.#down = new Wire(broker.world, host);
  }

  get hasRoom(): boolean {
    return this.unacknowledged.size < this.#prefetch;
  }

  async assertExchange(): Promise<void> {}
  async assertQueue() {
    return { messageCount: this.#broker.dead.length };
  }
  async bindQueue(): Promise<void> {}
  async cancel(): Promise<void> {}

  /** Every record of a simulation is valid. But a sink may refuse it. */
  publish(
    _exchange: string,
    queue: string,
    content: Buffer,
    options: { messageId?: string | undefined } | undefined,
    onConfirm: (failure: unknown) => void,
  ): void {
    const messageId = options?.messageId ?? '';
    void this.#up
      .send(`bury ${messageId}`, () => {
        if (this.#openThere) this.#broker.dead.push({ queue, message: { messageId, body: JSON.parse(`${content}`) } });
        return this.#openThere;
      })
      .then(async (isBuried) => {
        if (isBuried) await this.#down.send(`confirm ${messageId}`, () => onConfirm(null));
      });
  }

  async prefetch(count: number): Promise<void> {
    this.#prefetch = count;
  }

  async consume(name: string, callback: (message: BrokerMessage | null) => void) {
    await this.#up.send(`consume ${name}`, () => {
      this.#callback = callback;
      if (this.#openThere) this.#broker.queue(name).channels.add(this);
      this.#broker.pump();
    });
    return { consumerTag: name };
  }

  ack({ fields: { deliveryTag } }: BrokerMessage, allUpTo = false): void {
    if (!this.#openHere) throw Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' });
    void this.#up.send(`ack ${allUpTo ? 'up to ' : ''}${deliveryTag}`, () => {
      for (const tag of [...this.unacknowledged.keys()]) {
        if (tag === deliveryTag || (allUpTo && tag < deliveryTag)) this.unacknowledged.delete(tag);
      }
      this.#broker.pump();
    });
  }

  async close(): Promise<void> {
    await this.#up.send('close channel', () => this.#endThere());
    this.#endHere();
  }

  deliver(queue: Queue, message: Message): void {
    const deliveryTag = ++this.#lastTag;
    this.unacknowledged.set(deliveryTag, { queue, message });
    const { messageId, body, pack } = message;
    const headers = { endpoint: 'simulation' };
    const delivery: BrokerMessage =
      pack === undefined
        ? {
            content: Buffer.from(JSON.stringify(body)),
            fields: { deliveryTag },
            properties: { messageId, headers },
          }
        : {
            content: packBodies(pack.map((one) => Buffer.from(JSON.stringify(one)))),
            fields: { deliveryTag },
            properties: { messageId, headers, contentType: PACK_CONTENT_TYPE },
          };
    void this.#down.send(`receive ${messageId}`, () => {
      if (this.#openHere) this.#callback(delivery);
    });
  }

  closedByServer(): void {
    if (!this.#openThere) return;
    this.#endThere();
    void this.#down.send('learn that the channel is closed', () => this.#endHere());
  }

  cancelledByServer(): void {
    if (!this.#openThere) return;
    this.#stopDelivering();
    void this.#down.send('learn that the consumer is cancelled', () => this.#callback(null));
  }

  #endHere(): void {
    if (!this.#openHere) return;
    this.#openHere = false;
    this.emit('close');
  }

  #stopDelivering(): void {
    for (const queue of this.#queues()) queue.channels.delete(this);
  }

  #queues(): Queue[] {
    return ['customer_data', 'inventory_data', 'warehouse_data'].map((name) => this.#broker.queue(name));
  }

  #endThere(): void {
    this.#openThere = false;
    this.#stopDelivering();
    const held = [...this.unacknowledged.values()];
    this.unacknowledged.clear();
    for (const queue of this.#queues()) {
      const messages = held.filter((one) => one.queue === queue).map(({ message }) => message);
      if (messages.length > 0) this.#broker.requeue(queue, messages);
    }
  }
}
