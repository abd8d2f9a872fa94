import { packBodies } from '@tributary/shared';
import { beforeEach, describe, expect, test } from 'vitest';
import { Intake } from '../../src/intake/intake.js';
import type { Delivery } from '../../src/intake/settle.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { apart } from '../support/suspects.js';

describe('the intake', () => {
  let channel: FakeChannel;
  let clock: FakeClock;
  let intake: Intake;
  let cancellations: number;
  let given: Delivery[][];
  beforeEach(async () => {
    channel = new FakeChannel();
    clock = new FakeClock();
    intake = new Intake({ channel, clock, prefetch: 250, batchSize: 10, ...apart(clock) });
    cancellations = 0;
    given = [];
    await intake.start('customer_data', 'host-1-customer', () => {
      cancellations++;
    });
  });
  const deliver = (count: number) => {
    for (let n = 0; n < count; n++) channel.deliver();
  };
  const take = async () => {
    for await (const deliveries of intake) given.push(deliveries);
  };
  const sizes = () => given.map(({ length }) => length);

  test('consumes its queue, with a prefetch and a tag that people can read', () => {
    expect(channel.prefetched).toBe(16);
    expect(channel.consumed).toEqual({ queue: 'customer_data', consumerTag: 'host-1-customer' });
  });

  test('gives out together what came in the meantime, at most 256 deliveries at a time', async () => {
    deliver(300);
    void take();
    await settled();
    expect(sizes()).toEqual([256, 44]);
    deliver(2);
    await settled();
    expect(sizes()).toEqual([256, 44, 2]);
    expect(new Set(given.flat()).size).toBe(302);
  });

  test('gives out fewer of large records: about 4 MB together, and one that is larger by itself', async () => {
    const of = (bytes: number) => ({ ...channel.message(), content: Buffer.alloc(bytes) });
    for (let n = 0; n < 8; n++) channel.deliver(of(1024 ** 2));
    channel.deliver(of(6 * 1024 ** 2));
    const lines = Array.from({ length: 9 }, () => Buffer.alloc(1024 ** 2, 'x'));
    const pack = of(0);
    const properties = { ...pack.properties, contentType: 'application/x-ndjson' };
    channel.deliver({ ...pack, content: packBodies(lines), properties });
    void take();
    await settled();
    expect(sizes()).toEqual([4, 4, 1, 4, 4, 1]);
    expect(new Set(given.flat()).size).toBe(18);
  });

  test('stamps each delivery with the time it came', async () => {
    void take();
    deliver(1);
    await clock.advance(5_000);
    deliver(1);
    await settled();
    const [first, second] = given.flat();
    expect((second?.arrivedAt ?? 0) - (first?.arrivedAt ?? 0)).toBe(5_000);
    expect(intake.settler.unsettled).toBe(2);
  });

  test('gives out again after a quarter of a second what was put back, with one timer for many deliveries', async () => {
    void take();
    deliver(20);
    await settled();
    for (const delivery of given.flat()) intake.putBack(delivery);
    expect(clock.sleepers).toBe(1);
    await clock.advance(249);
    expect(sizes()).toEqual([20]);
    await clock.advance(1);
    expect(sizes()).toEqual([20, 20]);
    expect(given[1]).toEqual(given[0]);
  });

  test('tells when the broker cancels the consumer', () => {
    channel.deliver(null);
    expect(cancellations).toBe(1);
    expect(intake.settler.unsettled).toBe(0);
  });

  test('asks the broker for no more when it is cancelled here', async () => {
    await intake.cancel();
    expect(channel.cancelled).toBe('host-1-customer');
    await new Intake({ channel, clock, prefetch: 250, batchSize: 10, ...apart(clock) }).cancel();
  });

  test('ends at once, even while it waits, and leaves to the broker what was put back', async () => {
    const taken = take();
    deliver(1);
    await settled();
    for (const delivery of given.flat()) intake.putBack(delivery);
    intake.end();
    await taken;
    deliver(1);
    await clock.advance(1_000);
    expect(sizes()).toEqual([1]);
    expect(channel.acks).toEqual([]);
  });
});
