import { EventEmitter } from 'node:events';
import { PoisonError, topologyOf } from '@tributary/shared';
import { expect, onTestFinished, test } from 'vitest';
import { DeadLetters } from '../../src/dead-letters/dead-letters.js';
import type { LetterChannel } from '../../src/dead-letters/letter-channel.js';
import { Settler } from '../../src/intake/settle.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { CRM, log } from '../support/records.js';

const QUEUE = 'customer_data';

/** A broker whose queues of dead letters may be full. */
class FullBroker {
  isFull = true;
  readonly taken: string[] = [];

  async createConfirmChannel(): Promise<LetterChannel> {
    return new FullChannel(this);
  }
}

class FullChannel extends EventEmitter implements LetterChannel {
  readonly #broker: FullBroker;

  constructor(broker: FullBroker) {
    super();
    this.#broker = broker;
  }

  async assertExchange(): Promise<void> {}
  async assertQueue() {
    return { messageCount: 1 };
  }
  async bindQueue(): Promise<void> {}
  async close(): Promise<void> {
    this.emit('close');
  }

  publish(_exchange: string, _key: string, content: Buffer, _options: unknown, onConfirm: (failure: unknown) => void) {
    const { isFull, taken } = this.#broker;
    if (!isFull) taken.push(content.toString());
    const failure = isFull ? new Error('message nacked') : null;
    setImmediate(() => onConfirm(failure));
  }
}

test('a letter that waited for a full queue is not sent if its key was erased meanwhile, and those behind it are', async () => {
  const clock = new FakeClock();
  const broker = new FullBroker();
  const over = new AbortController();
  const channel = new FakeChannel();
  const settler = new Settler({ channel, clock, prefetch: 100, isStarved: () => true, over: over.signal });
  const errors: unknown[] = [];
  const letters = new DeadLetters({
    broker,
    topology: topologyOf(CRM),
    clock,
    log,
    buried: { has: async () => false, add: async () => {}, forget: async () => {}, allGone: async () => {} },
    kept: { keep: () => Promise.reject(new Error('none is kept')) },
    most: 10,
    onProblem: () => {},
    onHeld: () => {},
    onError: (error) => errors.push(error),
  });
  onTestFinished(async () => {
    over.abort();
    await letters.close();
  });
  await settled();
  await letters.started();
  const erased = new Set<string>();
  const forgotten: string[] = [];
  const bury = (name: string) => {
    const delivery = settler.track(channel.message({ name }, name), clock.monotonic());
    const late = {
      mustNotLie: async () => erased.has(name),
      forget: () => {
        forgotten.push(name);
        delivery.ack();
      },
    };
    letters.bury(delivery, QUEUE, new PoisonError('bad', 'it is bad'), () => {}, late);
  };
  bury('the erased');
  bury('another');
  await settled();
  await clock.advance(10_000);
  expect(broker.taken).toEqual([]);

  // Who erases removes the letters that lie there, which makes room.
  erased.add('the erased');
  broker.isFull = false;
  await clock.advance(10_000);
  expect(broker.taken).toHaveLength(1);
  expect(broker.taken.join()).toContain('another');
  expect(forgotten).toEqual(['the erased']);
  expect(settler.unsettled).toBe(0);
  expect(errors).toEqual([]);
});
