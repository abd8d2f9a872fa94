import type { Options } from 'amqplib';
import { createRandom, pick, type Random } from '../random.js';

export interface ForeignMessage {
  readonly id: string;
  readonly body: Buffer;
  readonly options: Options.Publish;
}

/**
 * Messages of another program that are no records. Each must be found among the dead letters in the end, once. Those that
 * RabbitMQ did not confirm may be there or not, and so may those that lay in it when a fault took messages from it.
 */
export class Foreign {
  readonly #random: Random;
  readonly #sent = new Set<string>();
  readonly #due = new Set<string>();
  #count = 0;

  constructor(seed: number) {
    this.#random = createRandom(seed ^ 0x5f0e1);
  }

  next(): ForeignMessage {
    const id = `foreign-${++this.#count}`;
    this.#sent.add(id);
    const make = pick(
      this.#random,
      MAKERS.map((maker) => [maker, 1] as const),
    );
    return { id, ...make(id, this.#random) };
  }

  confirmed(id: string): void {
    this.#due.add(id);
  }

  /** What was sent so far may have been taken away by an operator, or with a lost broker. */
  someMayBeGone(): void {
    this.#due.clear();
  }

  /** @returns what is wrong with the dead letters, in words */
  judge(deadIds: readonly string[]): string[] {
    const times = new Map<string, number>();
    for (const id of deadIds) times.set(id, (times.get(id) ?? 0) + 1);
    const strangers = [...times.keys()].filter((id) => !this.#sent.has(id));
    const missing = [...this.#due].filter((id) => !times.has(id));
    return [
      ...told(strangers, 'records are among the dead letters that are none of the malformed messages'),
      ...told(missing, 'malformed messages are not among the dead letters'),
    ];
  }
}

const told = (ids: readonly string[], what: string): string[] =>
  ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.slice(0, 5).join(', ')}`];

type Maker = (id: string, random: Random) => Omit<ForeignMessage, 'id'>;

const text = (body: string, options: Options.Publish = {}) => ({ body: Buffer.from(body), options });

/** No two of one body: the same record with the same fault has one letter only. */
const MAKERS: readonly Maker[] = [
  (id) => text(`{"id": "${id}", `),
  (id) => text(JSON.stringify([id])),
  (id) =>
    text(JSON.stringify(id), { expiration: '60000000', correlationId: 'c', replyTo: 'nobody', type: 't', appId: 'a' }),
  (id) => text(JSON.stringify({ note: id }), { persistent: true }),
  (id) => text(JSON.stringify({ id, sku: id, updatedAt: 'yesterday' }), { contentEncoding: 'gzip', priority: 3 }),
  (_id, random) => ({
    body: Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256))),
    options: { contentType: 'application/octet-stream' },
  }),
  // As many headers as amqplib can encode: with a reason beside them they are too many.
  (id) => text(JSON.stringify({ note: id }), { headers: { trace: 'x'.repeat(65_400) } }),
  (id) => text(id, { headers: { CC: ['customer_data.dead'], nested: { list: [1, 'two', { three: null }] } } }),
];
