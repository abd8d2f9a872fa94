import type { HeldOfQueue, Holdings, NumberRun, OpenPublication } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { Rounds } from '../../src/publish/rounds.js';

const TOKEN = 'a';

interface Message {
  readonly number: number;
  readonly after: number;
}

/** A consumer of the model, and what it has last noted in Redis. */
interface Consumer {
  readonly name: string;
  /** RabbitMQ has given it out, and it has not been read. */
  readonly onItsWay: Message[];
  readonly held: Message[];
  after: number;
  isConnected: boolean;
  isSuspended: boolean;
  noted: HeldOfQueue | undefined;
  notes: number;
  /** At how many looks the note was not renewed. */
  silentFor: number;
  hasLeft: boolean;
}

/** Looks after which a consumer that says nothing is taken as gone. */
const FRESH = 2;
const PREFETCH = 6;

/**
 * A queue as RabbitMQ keeps it (what was returned goes first), consumers that come, go, hang, die and hold records for any time, and a
 * producer whose messages are noted as confirmed some time after they were published.
 */
class Model {
  readonly rounds: Rounds;
  readonly settled = new Set<number>();
  readonly consumers: Consumer[] = [];
  ready: Message[] = [];
  returned: Message[] = [];
  published = 0;
  #noted = 0;
  #drawn = 0;
  #known = 0;
  #names = 0;
  readonly #random: () => number;

  constructor(seed: number) {
    let state = seed;
    this.#random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31;
    };
    this.rounds = new Rounds({
      draw: async () => {
        this.#drawn += 1;
        this.#known = this.#drawn;
        return this.#drawn;
      },
      recount: async (all) => all.map((one) => ({ ...one, settled: { q: this.#settledBelow(one.counts.q ?? 0) } })),
    });
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #any(): Consumer | undefined {
    return this.consumers[this.below(this.consumers.length)];
  }

  #settledBelow(number: number): number {
    return [...this.settled].filter((one) => one < number).length;
  }

  publish(): void {
    this.ready.push({ number: this.published, after: this.#known });
    this.published += 1;
  }

  note(): void {
    this.#noted = this.published;
  }

  begin(): void {
    this.#names += 1;
    const name = `${this.#names}`;
    const state = { isConnected: true, isSuspended: false, hasLeft: false, noted: undefined, notes: 0, silentFor: 0 };
    this.consumers.push({ name, onItsWay: [], held: [], after: 0, ...state });
  }

  /** RabbitMQ gives out one message, if any consumer takes more. */
  giveOut(): void {
    const free = this.consumers.filter((one) => one.isConnected && one.onItsWay.length + one.held.length < PREFETCH);
    const to = free[this.below(free.length)];
    const message = to === undefined ? undefined : (this.returned.shift() ?? this.ready.shift());
    if (message !== undefined) to?.onItsWay.push(message);
  }

  read(): void {
    const consumer = this.#any();
    if (consumer === undefined || consumer.isSuspended || !consumer.isConnected) return;
    for (const message of consumer.onItsWay.splice(0, 1 + this.below(3))) {
      consumer.held.push(message);
      consumer.after = Math.max(consumer.after, message.after);
    }
  }

  settle(consumer = this.#any()): void {
    if (consumer === undefined || consumer.isSuspended || !consumer.isConnected) return;
    // The first is held aside more often than not: as a letter that cannot be buried.
    const [message] = consumer.held.splice(this.below(3) === 0 ? 0 : this.below(consumer.held.length), 1);
    if (message !== undefined) this.settled.add(message.number);
    this.write(consumer);
  }

  write(consumer = this.#any()): void {
    if (consumer === undefined || consumer.isSuspended || !consumer.isConnected) return;
    const numbers = consumer.held.map(({ number }): NumberRun => [number, number]);
    const { length: records } = numbers;
    consumer.noted = { records, oldest: 0, after: consumer.after, numbers: { [TOKEN]: numbers } };
    consumer.notes += 1;
    consumer.silentFor = 0;
  }

  suspend(): void {
    const consumer = this.#any();
    if (consumer !== undefined) consumer.isSuspended = !consumer.isSuspended;
  }

  /** Its connection ends: by itself, in good order, or because RabbitMQ closes it. */
  end(): void {
    const consumer = this.#any();
    if (consumer?.isConnected !== true) return;
    consumer.isConnected = false;
    consumer.hasLeft = !consumer.isSuspended && this.below(2) === 0;
    this.returned.push(...consumer.held.splice(0), ...consumer.onItsWay.splice(0));
    this.returned.sort((a, b) => a.number - b.number);
  }

  async look(): Promise<number> {
    for (const consumer of this.consumers) {
      consumer.silentFor += 1;
      if (this.below(3) > 0) this.write(consumer);
    }
    const holds = ({ noted, hasLeft, silentFor }: Consumer) => noted !== undefined && !hasLeft && silentFor < FRESH;
    const ended = this.consumers.filter((one) => one.noted !== undefined && !holds(one));
    const holdings: Holdings = {
      living: new Map([['q', this.consumers.flatMap((one) => (holds(one) && one.noted ? [one.noted] : []))]]),
      ended: new Set(ended.map(({ name, notes, hasLeft }) => `${name} ${notes} ${hasLeft}`)),
    };
    const count = this.#noted;
    const settled = this.#settledBelow(count);
    const one: OpenPublication = { token: TOKEN, endpoint: 'e', counts: { q: count }, settled: { q: settled } };
    const look = { ready: this.ready.length, consumers: this.consumers.filter((each) => each.isConnected).length };
    const pending = settled < count ? [{ ...one, ranges: { q: [0, count] as const } }] : [];
    const lost = await this.rounds.look(pending, new Map(pending.length > 0 ? [['q', look]] : []), holdings);
    return lost.reduce((sum, { counts, settled: known }) => sum + (counts.q ?? 0) - (known.q ?? 0), 0);
  }

  /** Everything happens, in any order. @returns how many messages were taken for lost */
  async run(steps: number): Promise<number> {
    let lost = 0;
    for (let step = 0; step < steps; step++) {
      const dice = this.below(100);
      if (dice < 20) this.publish();
      else if (dice < 45) this.giveOut();
      else if (dice < 65) this.read();
      else if (dice < 82) this.settle();
      else if (dice < 86) this.note();
      else if (dice === 86 && this.consumers.filter(({ isConnected }) => isConnected).length < 4) this.begin();
      else if (dice === 87) this.end();
      else if (dice === 88) this.suspend();
      else if (dice > 90) lost += await this.look();
    }
    return lost;
  }

  /**
   * All is well, and traffic goes on. What is found lost is found again later, because nothing is polled again here; what was not noted yet
   * is found with the next round.
   * @returns how many looks it took until so much was taken for lost, and how much was
   */
  async calm(most: number, enough = 1): Promise<{ looks: number; lost: number }> {
    for (const consumer of this.consumers) consumer.isSuspended = false;
    if (!this.consumers.some(({ isConnected }) => isConnected)) this.begin();
    for (let looks = 1; looks <= most; looks++) {
      for (let n = 0; n < 8; n++) {
        this.publish();
        for (let each = 0; each < 12; each++) {
          this.giveOut();
          this.read();
          if (each % 2 === 0) this.settle();
        }
      }
      this.note();
      const lost = await this.look();
      if (lost >= enough) return { looks, lost };
    }
    return { looks: most, lost: 0 };
  }
}

describe('what is lost of a queue in which messages come and go', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed + 1))(
    'is nothing while nothing is lost (seed %i)',
    async (seed) => {
      const model = new Model(seed);
      model.begin();
      expect(await model.run(3_000)).toBe(0);
      expect(await model.calm(20)).toMatchObject({ lost: 0 });
      expect(model.settled.size).toBeGreaterThan(200);
    },
  );

  it.each(Array.from({ length: 30 }, (_, seed) => seed + 1))(
    'is found exactly, soon after a purge (seed %i)',
    async (seed) => {
      const model = new Model(seed);
      model.begin();
      await model.run(1_000);
      for (let n = 0; n < 50; n++) model.publish();
      if (seed % 2 === 0) model.note();
      const purged = model.ready.length + model.returned.length;
      model.ready = [];
      model.returned = [];
      const { looks, lost } = await model.calm(60, purged);
      expect(lost).toBe(purged);
      expect(looks).toBeLessThan(40);
    },
  );
});
