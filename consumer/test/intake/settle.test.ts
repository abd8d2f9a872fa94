import { placesOf } from '@tributary/shared';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Delivery, Settler } from '../../src/intake/settle.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';

describe('deliveries', () => {
  let channel: FakeChannel;
  let clock: FakeClock;
  let over: AbortController;
  let settler: Settler;
  let starved: boolean;
  let deliveries: Delivery[];
  beforeEach(() => {
    channel = new FakeChannel();
    clock = new FakeClock();
    over = new AbortController();
    starved = false;
    settler = new Settler({ channel, clock, prefetch: 500, isStarved: () => starved, over: over.signal });
    deliveries = Array.from({ length: 6 }, (_, n) => settler.track(channel.message(), n));
  });
  const ack = (...tags: number[]) => {
    for (const tag of tags) deliveries[tag - 1]?.ack();
  };

  test('that are settled without a gap are acknowledged in one go', async () => {
    ack(2, 1, 3);
    await settled();
    expect(channel.acks).toEqual(['<=3']);
    expect(settler.unsettled).toBe(3);
  });

  test('behind a gap wait for it to close, and are acknowledged with it', async () => {
    ack(1, 3, 5);
    await settled();
    expect(channel.acks).toEqual(['<=1']);
    await clock.advance(50);
    ack(2);
    await settled();
    expect(channel.acks).toEqual(['<=1', '<=3']);
  });

  test('behind a gap that stays are acknowledged one by one, and the gap is acknowledged when it is settled', async () => {
    ack(1, 3, 5);
    await settled();
    await clock.advance(100);
    expect(channel.acks).toEqual(['<=1', '3', '5']);
    ack(2);
    await settled();
    expect(channel.acks.slice(3)).toEqual(['<=2']);
    ack(4, 6);
    await settled();
    expect(channel.acks.slice(4)).toEqual(['<=6']);
    expect(settler.unsettled).toBe(0);
  });

  test('behind a gap do not wait when they are many, because the broker would give out nothing new', async () => {
    const more = Array.from({ length: 451 }, (_, n) => settler.track(channel.message(), n));
    for (const delivery of more.slice(0, 450)) delivery.ack();
    await settled();
    expect(channel.acks).toEqual([]);
    more[450]?.ack();
    await settled();
    expect(channel.acks).toHaveLength(451);
  });

  test('behind a gap wait only a moment if nothing else keeps the broker from giving out more', async () => {
    const more = Array.from({ length: 494 }, (_, n) => settler.track(channel.message(), n));
    for (const delivery of more.slice(0, 10)) delivery.ack();
    await settled();
    await clock.advance(20);
    expect(channel.acks).toEqual([]);
    starved = true;
    await clock.advance(20);
    expect(channel.acks).toHaveLength(10);
  });

  test('behind a gap are left to the end of the session, if that comes first', async () => {
    ack(2);
    await settled();
    over.abort();
    await clock.advance(1_000);
    expect(channel.acks).toEqual([]);
    settler.flush();
    expect(channel.acks).toEqual(['2']);
  });

  test('are acknowledged once each', async () => {
    ack(1, 1);
    await settled();
    ack(1);
    await settled();
    expect(channel.acks).toEqual(['<=1']);
  });

  test('that are not settled are never acknowledged', async () => {
    ack(6);
    await settled();
    await clock.advance(100);
    expect(channel.acks).toEqual(['6']);
    expect(settler.unsettled).toBe(5);
  });

  test('are acknowledged at the end of the turn of the event loop, or at once on request', () => {
    ack(1);
    expect(channel.acks).toEqual([]);
    settler.flush();
    expect(channel.acks).toEqual(['<=1']);
  });

  test('tell which of them is the oldest that is not settled', () => {
    expect(settler.oldest?.arrivedAt).toBe(0);
    ack(1, 2);
    expect(settler.oldest?.arrivedAt).toBe(2);
    ack(3, 4, 5, 6);
    expect(settler.oldest).toBeUndefined();
  });

  test('of a closed channel need no acknowledgement, because the broker has taken them back', async () => {
    ack(1);
    channel.isClosed = true;
    await settled();
    expect(channel.acks).toEqual([]);
  });

  test('are acknowledged when they are noted, in order', async () => {
    const noted: (() => void)[] = [];
    let isNumbered = true;
    const onSettled = () => (isNumbered ? new Promise<void>((resolve) => noted.push(resolve)) : undefined);
    settler = new Settler({ channel, clock, prefetch: 500, isStarved: () => false, over: over.signal, onSettled });
    deliveries = Array.from({ length: 4 }, (_, n) => settler.track(channel.message(), n));
    const [one, two, three, four] = deliveries.map(({ message }) => message.fields.deliveryTag);
    deliveries[1]?.ack();
    await settled();
    await clock.advance(100);
    expect(settler.unsettled).toBe(3);
    deliveries[0]?.ack();
    await settled();
    // Nothing has to be noted of the next ones. They wait all the same: `ack up to` covers the others.
    isNumbered = false;
    deliveries[2]?.ack();
    deliveries[3]?.ack();
    await settled();
    expect(channel.acks).toEqual([]);
    noted[1]?.();
    await settled();
    expect(channel.acks).toEqual([]);
    noted[0]?.();
    await settler.flush();
    expect(channel.acks).toEqual([`${two}`, `<=${one}`, `<=${four}`]);
    expect(three).toBeDefined();
  });

  test('of a pack share an acknowledgement: it comes when the last of them is settled', async () => {
    const pack = (records: number) => {
      const message = channel.message('{}\n'.repeat(records));
      return settler.trackPack(message, placesOf(message.content), 7).deliveries;
    };
    settler = new Settler({ channel, clock, prefetch: 500, isStarved: () => false, over: over.signal });
    const first = settler.track(channel.message(), 1);
    const [second, third] = [pack(3), pack(2)];
    expect(settler.unsettled).toBe(6);
    for (const delivery of [second[2], first, second[0], second[0], third[1]]) delivery?.ack();
    await settled();
    await clock.advance(200);
    const tag = first.message.fields.deliveryTag;
    expect(channel.acks).toEqual([`<=${tag}`]);
    expect([settler.unsettled, settler.oldest?.arrivedAt]).toEqual([2, 7]);
    // The pack behind is settled first: it does not wait for long.
    third[0]?.ack();
    await settled();
    await clock.advance(200);
    second[1]?.ack();
    await settled();
    expect(channel.acks).toEqual([`<=${tag}`, `${tag + 2}`, `<=${tag + 1}`]);
    expect(settler.unsettled).toBe(0);
  });

  test('any other error of the channel is thrown', () => {
    channel.ack = () => {
      throw new TypeError('a bug');
    };
    ack(1);
    expect(() => settler.flush()).toThrow('a bug');
    // Otherwise it would be thrown once more, at the end of the turn.
    channel.ack = () => {};
  });
});
