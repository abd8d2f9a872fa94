import { beforeEach, describe, expect, test } from 'vitest';
import { Intake } from '../../src/intake/intake.js';
import { KEPT } from '../../src/intake/later.js';
import type { Delivery } from '../../src/intake/settle.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { apart } from '../support/suspects.js';

describe('a message of a form that this version does not know', () => {
  let channel: FakeChannel;
  let clock: FakeClock;
  let intake: Intake;
  let problems: (string | undefined)[];
  let given: Delivery[];
  beforeEach(async () => {
    channel = new FakeChannel();
    clock = new FakeClock();
    problems = [];
    given = [];
    const onLater = (problem: string | undefined) => problems.push(problem);
    intake = new Intake({ channel, clock, prefetch: 250, batchSize: 10, onLater, ...apart(clock) });
    await intake.start('customer_data', 'host-1-customer', () => {});
    void (async () => {
      for await (const deliveries of intake) given.push(...deliveries);
    })();
  });
  const deliver = async (headers: Record<string, unknown>, contentType = 'application/json') => {
    const message = channel.message({}, 'm1', headers);
    channel.deliver({ ...message, properties: { ...message.properties, contentType } });
    await settled();
  };

  test.each([
    { what: 'a record of the next one', headers: { recordFormat: 2 }, type: 'application/json', code: 'record_format' },
    {
      what: 'a record of a named one',
      headers: { recordFormat: 'x' },
      type: 'application/json',
      code: 'record_format',
    },
    { what: 'a pack of the next one', headers: { packFormat: 2 }, type: 'application/x-ndjson', code: 'pack_format' },
    {
      what: 'a pack of one without a number',
      headers: { packFormat: null },
      type: 'application/x-ndjson',
      code: 'pack_format',
    },
  ])(
    '($what) waits, and is said to; others go on; after ten minutes it is to be buried',
    async ({ headers, type, code }) => {
      await deliver(headers, type);
      await deliver(headers, type);
      await deliver({ recordFormat: 1 });
      await deliver({});
      expect(given).toHaveLength(2);
      expect(intake.settler.unsettled).toBe(4);
      expect(problems).toEqual([expect.stringContaining('update the consumers')]);
      await clock.advance(KEPT - 1);
      expect(given).toHaveLength(2);
      await clock.advance(1);
      await settled();
      expect(given.slice(2).map(({ refused }) => refused?.code)).toEqual([code, code]);
      expect(problems.at(-1)).toBeUndefined();
      // From now on it is plain that this consumer is not being replaced.
      await deliver(headers, type);
      await clock.advance(0);
      expect(given.at(-1)?.refused?.code).toBe(code);
      expect(channel.acks).toEqual([]);
    },
  );

  test.each([
    ['that is no text for JavaScript', { toString: 'x', valueOf: 'y' }, '{"toString":"x","valueOf":"y"}'],
    ['in lists', [{ toString: 1 }], '[{"toString":1}]'],
    ['of 100,000 characters', 'x'.repeat(100_000), `"${'x'.repeat(59)}... (100002 characters)`],
    ['of bytes', Buffer.alloc(100_000), '{"type":"Buffer"'],
    ['that is a time', { '!': 'timestamp', value: 5 }, '{"!":"timestamp","value":5}'],
  ])('may name one %s, which is told in short', async (_, recordFormat, shown) => {
    await deliver({ recordFormat });
    expect(problems[0]).toContain(`a record of format ${shown}`);
    expect(problems[0]?.length).toBeLessThan(400);
    await deliver({});
    expect(given).toHaveLength(1);
  });

  test('is left to the broker when the session ends, and is no problem of it any more', async () => {
    await deliver({ recordFormat: 2 });
    intake.end();
    await clock.advance(KEPT);
    expect(given).toEqual([]);
    expect(channel.acks).toEqual([]);
    expect(problems).toEqual([expect.any(String), undefined]);
  });

  test('does not keep messages that were delivered many times from their turn', async () => {
    await deliver({ recordFormat: 2 });
    await deliver({ 'x-delivery-count': 9 });
    // Where it counted as at work, they would wait 10 s for it.
    await clock.advance(100);
    expect(given).toHaveLength(1);
  });
});
