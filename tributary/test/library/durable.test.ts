import type { DeadRecord } from '@tributary/consumer';
import type { SentRecord } from '@tributary/producer';
import { FatalError, systemClock } from '@tributary/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DurablePublisher } from '../../src/library/durable.js';

const BODY = '{"id":"a"}';
const sentAs = (numbers: SentRecord['numbers'], messageId = 'message-1'): SentRecord => ({
  entity: 'post',
  messageId,
  body: Buffer.from(BODY),
  numbers,
});
const numbers = () => [{ token: 'a', queue: 'posts', from: 0, to: 8, count: 1 }];
const dead: DeadRecord = {
  endpoint: 'sent',
  entity: 'post',
  key: 'a',
  messageId: 'pack.0000001',
  code: 'row_refused',
  field: undefined,
  reason: 'post a: the sink refuses it',
  record: BODY,
  isNew: true,
};

/** @param looks what each look at what is settled gives; the last of them goes on */
function publisher(looks: readonly (boolean | Error)[], sent: () => SentRecord) {
  const stopping = new AbortController();
  const calls = { looks: 0, flushes: 0 };
  const durable: DurablePublisher = new DurablePublisher({
    operations: {
      send: async () => sent(),
      async isSettled() {
        const look = looks[Math.min(calls.looks++, looks.length - 1)] ?? false;
        if (look instanceof Error) throw look;
        return look;
      },
    },
    consumer: {
      async flushNow() {
        calls.flushes += 1;
      },
      problems: () => ['the disk is full'],
    },
    clock: systemClock,
    signal: stopping.signal,
  });
  return { durable, calls, stopping };
}

describe('a record that is published to be durable', () => {
  it('is waited for until it is settled, and batches are written meanwhile and afterwards', async () => {
    const { durable, calls } = publisher([false, new Error('Redis is away'), true], () => sentAs(numbers()));
    await durable.publish('post', {}, 10_000);
    expect(calls).toEqual({ looks: 3, flushes: 4 });
  });

  it('shares the looks of those that were sent with it', async () => {
    const shared = numbers();
    const { durable, calls } = publisher([false, true], () => sentAs(shared));
    await Promise.all(Array.from({ length: 50 }, () => durable.publish('post', {}, 10_000)));
    expect(calls.looks).toBe(2);
  });

  it('is one of many that are waited for at the same time, and Node warns of no leak', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { durable } = publisher([...Array(30).fill(false), true], () => sentAs(numbers()));
    await Promise.all(Array.from({ length: 30 }, () => durable.publish('post', {}, 10_000)));
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['by its content, if it came in a pack', dead],
    ['by its message, if another record went in its place', { ...dead, messageId: 'message-1', record: '"too large"' }],
  ])('is refused if it has died: %s', async (_, record) => {
    const { durable } = publisher([true], () => {
      durable.dead(record);
      return sentAs(numbers());
    });
    await expect(durable.publish('post', {}, 10_000)).rejects.toMatchObject({
      code: 'record_died',
      message: expect.stringContaining('the sink refuses it'),
    });
  });

  it('is refused if its key was erased', async () => {
    const { durable } = publisher([true], () => {
      durable.erased({ entity: 'post', messageId: 'pack.0000001', record: BODY });
      return sentAs(numbers());
    });
    await expect(durable.publish('post', {}, 10_000)).rejects.toMatchObject({ code: 'record_erased' });
  });

  it('has nothing to do with another record that died', async () => {
    const { durable } = publisher([true], () => {
      durable.dead({ ...dead, record: '{"id":"b"}' });
      durable.dead({ ...dead, entity: 'page' });
      return sentAs(numbers());
    });
    await durable.publish('post', {}, 10_000);
  });

  it('is told in words if that takes too long, with what is the matter', async () => {
    const { durable } = publisher([false], () => sentAs(numbers()));
    await expect(durable.publish('post', {}, 50)).rejects.toMatchObject({
      code: 'not_durable',
      message: expect.stringMatching(/in its queue.*50 ms: the disk is full/),
    });
  });

  it('is given up when the pipeline stops, and when nobody notes what is settled', async () => {
    const { durable, stopping } = publisher([false], () => sentAs(numbers()));
    const published = durable.publish('post', {}, 10_000);
    setTimeout(() => stopping.abort(new Error('stopped')), 30);
    await expect(published).rejects.toThrow('stopped');
    await durable.idle();
    const nothing = publisher([new FatalError('nothing_noted', 'nobody notes it')], () => sentAs([]));
    await expect(nothing.durable.publish('post', {}, 10_000)).rejects.toThrow('nobody notes it');
  });
});
