import { packBodies } from '@tributary/shared';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BrokerMessage } from '../../src/intake/channel.js';
import { Intake } from '../../src/intake/intake.js';
import { Window } from '../../src/intake/window.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { apart } from '../support/suspects.js';

const SINGLES = 1_000;
const BATCH = 10;

describe('the window of deliveries', () => {
  const after = (window: Window, ...messages: readonly [count: number, records: number, bytes: number][]) => {
    for (const [count, records, bytes] of messages) for (let n = 0; n < count; n++) window.add(records, bytes);
    return window.size;
  };

  test('is small until it is known how large messages are, and is then as large as for single records', () => {
    const window = new Window(SINGLES, BATCH);
    expect(window.size).toBe(16);
    expect(after(window, [16, 1, 200])).toBe(SINGLES);
    expect(new Window(4, BATCH).size).toBe(4);
  });

  test.each([
    ['of 100 records are 10,000 records', 100, 22_400, 100],
    ['of the largest size are 10,000 records too', 100, 256 * 1024, 100],
    ['of few large records are about 16 MB', 10, 256 * 1024, 64],
    ['of few larger ones are four', 10, 8 * 1024 ** 2, 4],
    ['of as many records as there may be are four', 10_000, 1_000_000, 4],
    ['of two records each are all', 2, 500, SINGLES],
  ])('of packs %s', (_, records, bytes, expected) => {
    const size = after(new Window(SINGLES, BATCH), [500, records, bytes]);
    expect(size).toBeGreaterThanOrEqual(expected / 2);
    expect(size).toBeLessThanOrEqual(expected * 2);
  });

  test('follows when packs come after single records, and single records after packs', () => {
    const window = new Window(SINGLES, BATCH);
    expect(after(window, [250, 1, 200], [200, 100, 22_400])).toBeLessThan(200);
    expect(after(window, [1_000, 1, 200])).toBe(SINGLES);
  });

  test('stays where the number is about right, for the queue rests while the broker is told of another', () => {
    const window = new Window(SINGLES, BATCH);
    after(window, [250, 80, 20_000]);
    let changes = 0;
    for (let n = 0; n < 3_000; n++) if (window.add(n % 2 === 0 ? 60 : 100, 20_000)) changes += 1;
    expect(changes).toBe(0);
  });

  test('holds as many single records as fill the largest batches, also in packs', () => {
    expect(after(new Window(50_000, 2_000), [300, 1, 200])).toBe(50_000);
    expect(after(new Window(50_000, 2_000), [300, 100, 22_400])).toBe(100);
  });

  test('holds fewer large single records, about 16 MB, but as many as two batches', () => {
    expect(after(new Window(SINGLES, BATCH), [200, 1, 256 * 1024])).toBe(64);
    expect(after(new Window(SINGLES, 20), [200, 1, 512 * 1024])).toBe(40);
  });

  test('holds two batches of large records that are full by their bytes: 32 MB, but four messages at least', () => {
    expect(after(new Window(12_500, 500), [16, 1, 1024 ** 2])).toBe(32);
    expect(after(new Window(SINGLES, 20), [200, 1, 8 * 1024 ** 2])).toBe(4);
    expect(after(new Window(50_000, 2_000), [16, 1, 8 * 1024 ** 2])).toBe(4);
  });

  test('grows before small records that follow large ones all wait in a batch that is not full', () => {
    const window = new Window(12_500, 500);
    after(window, [64, 1, 1024 ** 2]);
    for (let held = 0; held < 500; held++) {
      expect(window.size).toBeGreaterThan(held);
      window.add(1, 1_000);
    }
  });
});

describe('the intake', () => {
  let channel: FakeChannel;
  let intake: Intake;
  let cancellations: number;
  beforeEach(async () => {
    channel = new FakeChannel();
    const clock = new FakeClock();
    intake = new Intake({ channel, clock, prefetch: SINGLES, batchSize: BATCH, ...apart(clock) });
    cancellations = 0;
    await intake.start('customer_data', 'host-1-customer', () => {
      cancellations++;
    });
  });
  const pack = (): BrokerMessage => {
    const message = channel.message();
    const content = packBodies(Array.from({ length: 100 }, () => Buffer.from('{}')));
    return { ...message, content, properties: { ...message.properties, contentType: 'application/x-ndjson' } };
  };

  test('consumes anew where packs ask for another prefetch, under another tag, and takes what still comes for the first', async () => {
    for (let n = 0; n < 64; n++) channel.deliver(pack());
    await settled();
    expect(channel.cancelled).toBe('host-1-customer');
    expect(channel.consumed).toEqual({ queue: 'customer_data', consumerTag: 'host-1-customer 2' });
    expect(channel.prefetched).toBe(100);
    expect(intake.settler.unsettled).toBe(6_400);
    await intake.cancel();
    expect(channel.cancelled).toBe('host-1-customer 2');
    expect(cancellations).toBe(0);
  });

  test('ends the session if the broker does not let it begin again', async () => {
    channel.cancel = () => Promise.reject(new Error('the channel is closed'));
    for (let n = 0; n < 64; n++) channel.deliver(pack());
    await settled();
    expect(cancellations).toBe(1);
  });
});
