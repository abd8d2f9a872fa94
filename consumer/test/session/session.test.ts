import { getEventListeners } from 'node:events';
import { DEAD_LETTER_HEADERS, FatalError, REPLAY_HEADER } from '@tributary/shared';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ledgerKeys } from '../../src/ledger/keys.js';
import { type RedisStandIn, startRedisStandIn } from '../ledger/stand-in.js';
import { FakeClock } from '../support/fake-clock.js';
import { customer, item } from '../support/records.js';
import { type Rig, type SessionChanges, startRig } from './rig.js';

// A stand-in starts a process, and the machine may be busy.

const WAIT = { timeout: 45_000 };
const NEVER = { size: 10, interval: 3_600_000 };

describe('a session', () => {
  let standIn: RedisStandIn;
  let rig: Rig;
  beforeAll(async () => {
    standIn = await startRedisStandIn();
  });
  afterAll(() => standIn.stop());
  beforeEach(async () => {
    rig = await startRig(standIn);
  });
  const landed = (...keys: string[]) =>
    vi.waitFor(() => expect(rig.sink.keys('customers').sort()).toEqual(keys.sort()), WAIT);
  const drained = () =>
    vi.waitFor(() => expect(rig.queue('customer_data')).toEqual({ messages: 0, unacknowledged: 0 }), WAIT);
  const arrived = (session: { running: { unsettled(): number } }, count: number) =>
    vi.waitFor(() => expect(session.running.unsettled()).toBe(count), WAIT);
  /** What has arrived may not be claimed yet, and what is not claimed is not written when a session ends. */
  const claimed = (count: number) =>
    vi.waitFor(async () => {
      const epoch = await rig.redis.get(ledgerKeys(rig.pipeline, '').epoch);
      const known = await rig.redis.hvals(ledgerKeys(rig.pipeline, epoch ?? '').ledger('customers'));
      // Each row in flight is a line of its own.
      expect(known.filter((text) => text.includes('\n'))).toHaveLength(count);
    }, WAIT);
  /** Writes wait until the test lets them go. */
  const holdWrites = () => {
    let letGo = () => {};
    rig.sink.gate = new Promise((resolve) => {
      letGo = resolve;
    });
    return letGo;
  };

  test('acknowledges a message when its row is durable, and not before', async () => {
    const letGo = holdWrites();
    await rig.begin();
    await rig.publish('customer', customer({ lines: [] }));
    await vi.waitFor(() => expect(rig.sink.writes).toBe(1), WAIT);
    expect(rig.queue('customer_data')).toEqual({ messages: 1, unacknowledged: 1 });
    letGo();
    await landed('C-1');
    await drained();
  });

  test('merges what comes on either queue', async () => {
    await rig.begin();
    await rig.publish('customer', customer());
    await rig.publish('inventory', item());
    await vi.waitFor(() => expect(rig.sink.keys('customer_inventory')).toEqual(['C-1/SKU-1']), WAIT);
    await drained();
  });

  test('puts a message that can never succeed on the dead queue as it came, with the reason, and goes on with the others', async () => {
    await rig.begin();
    await rig.publish('customer', customer({ id: 'C-1', lines: [] }));
    const body = '{"id": "C-2", "name": 5}';
    const messageId = await rig.publish('customer', body, { custom: 'kept', traceparent: '00-abc' });
    await rig.publish('customer', customer({ id: 'C-3', lines: [] }));
    await landed('C-1', 'C-3');
    await drained();
    const { content, properties } = await rig.take('customer_data.dead');
    expect(content.toString()).toBe(body);
    expect(properties).toMatchObject({
      messageId,
      type: 'customer',
      appId: 'tributary',
      contentType: 'application/json',
    });
    expect(properties.headers).toMatchObject({
      custom: 'kept',
      traceparent: '00-abc',
      endpoint: 'crm',
      run: 1,
      [DEAD_LETTER_HEADERS.code]: 'field_invalid',
      [DEAD_LETTER_HEADERS.field]: 'name',
      [DEAD_LETTER_HEADERS.reason]: expect.stringMatching(
        /^endpoint crm: customer C-2: field "name" is 5: expected text/,
      ),
      [DEAD_LETTER_HEADERS.queue]: 'customer_data',
      [DEAD_LETTER_HEADERS.deadAt]: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  test('puts a record that the sink refuses on the dead queue, lands the others, and lands it when it is replayed and refused no more', async () => {
    rig.sink.refused.add('C-2');
    const { problems } = await rig.begin();
    const bodies = ['C-1', 'C-2', 'C-3'].map((id) => customer({ id, lines: [] }));
    const ids: string[] = [];
    for (const body of bodies) ids.push(await rig.publish('customer', body));
    await landed('C-1', 'C-3');
    await drained();
    // As the next poll brings it, and as a person replays it too early.
    await rig.publish('customer', bodies[1] ?? '');
    await rig.publish('customer', bodies[1] ?? '', { [REPLAY_HEADER]: 1 }, ids[1]);
    await drained();
    await vi.waitFor(() => expect(rig.queue('customer_data.dead').messages).toBe(2), WAIT);
    const { content, properties } = await rig.take('customer_data.dead');
    expect(JSON.parse(content.toString())).toEqual(bodies[1]);
    expect(properties.messageId).toBe(ids[1]);
    expect(properties.headers).toMatchObject({
      [DEAD_LETTER_HEADERS.code]: 'row_refused',
      [DEAD_LETTER_HEADERS.field]: 'email',
      [DEAD_LETTER_HEADERS.reason]: 'endpoint crm: customer C-2: its row is refused',
    });
    rig.sink.refused.clear();
    await rig.publish('customer', content.toString(), { [REPLAY_HEADER]: 1 }, ids[1]);
    await landed('C-1', 'C-2', 'C-3');
    await drained();
    expect(rig.queue('customer_data.dead').messages).toBe(1);
    expect(problems).toEqual([]);
  });

  test('puts a record one of whose merged rows the sink refuses on the dead queue, and makes the row when it is replayed', async () => {
    rig.sink.refused.add('C-1/SKU-1');
    await rig.begin();
    await rig.publish('inventory', item({ sku: 'SKU-1' }));
    await vi.waitFor(() => expect(rig.sink.keys('inventory')).toEqual(['SKU-1']), WAIT);
    await rig.publish('customer', customer({ id: 'C-1', lines: [{ sku: 'SKU-1', quantity: 1 }] }));
    await rig.publish('customer', customer({ id: 'C-2', lines: [{ sku: 'SKU-1', quantity: 1 }] }));
    await landed('C-2');
    await drained();
    expect(rig.sink.keys('customer_inventory')).toEqual(['C-2/SKU-1']);
    const { content, properties } = await rig.take('customer_data.dead');
    expect(properties.headers?.[DEAD_LETTER_HEADERS.reason]).toMatch(/customer C-1: merged row C-1\/SKU-1: its row is/);
    rig.sink.refused.clear();
    await rig.publish('customer', content.toString(), { [REPLAY_HEADER]: 1 }, properties.messageId as string);
    await landed('C-1', 'C-2');
    expect(rig.sink.keys('customer_inventory')).toEqual(['C-2/SKU-1', 'C-1/SKU-1']);
  });

  test('puts a record that is wrong in the same way with every poll on the dead queue once, and again when a person has replayed it', async () => {
    await rig.begin();
    const body = '{"id": "C-2", "name": 5}';
    for (const headers of [{}, {}, {}]) {
      await rig.publish('customer', body, headers);
      await drained();
    }
    expect(rig.queue('customer_data.dead').messages).toBe(1);
    await rig.publish('customer', body, { [REPLAY_HEADER]: 1 });
    await rig.publish('customer', '{"id": "C-2", "name": 6}');
    await drained();
    expect(rig.queue('customer_data.dead').messages).toBe(3);
  });

  test('ends if a dead letter cannot be put anywhere, and the message is not lost', async () => {
    const { end } = await rig.begin();
    await rig.channel.unbindQueue('customer_data.dead', `${rig.pipeline}.dead`, 'customer_data');
    await rig.publish('customer', '{');
    expect(await end).toMatchObject({ after: 'failed', reason: expect.stringContaining('customer_data.dead') });
    expect(rig.queue('customer_data').messages).toBe(1);
    // The next session declares the binding again.
    await rig.begin();
    await drained();
    expect(rig.queue('customer_data.dead').messages).toBe(1);
  });

  test('acknowledges a message when it is noted as settled, and not before: if it dies in between, nothing counts as lost', async () => {
    const noted: string[] = [];
    const note =
      (isAnswered: boolean): NonNullable<SessionChanges['note']> =>
      (_consumer, _held, settled) => {
        noted.push(...settled.map((one) => JSON.stringify([one.queue, one.token, one.runs])));
        return settled.length === 0 || isAnswered ? Promise.resolve() : new Promise(() => {});
      };
    const first = await rig.begin({ note: note(false) });
    await rig.publish('customer', customer({ id: 'C-1', lines: [] }), { publication: '0123456789abcdef/17' });
    await landed('C-1');
    await vi.waitFor(() => expect(noted).toEqual(['["customer_data","0123456789abcdef",[[17,17]]]']), WAIT);
    expect(rig.queue('customer_data')).toEqual({ messages: 1, unacknowledged: 1 });
    first.abandon();
    first.stop();
    await first.end;
    await rig.begin({ note: note(true) });
    await drained();
    await landed('C-1');
    expect(new Set(noted).size).toBe(1);
  });

  test('whose channel the broker closes writes what it has claimed, which is delivered again and not written again', async () => {
    const first = await rig.begin({ batch: NEVER });
    for (const id of ['C-1', 'C-2', 'C-3']) await rig.publish('customer', customer({ id, lines: [] }));
    await arrived(first, 3);
    await claimed(3);
    await vi.waitFor(() => expect(first.running.oldestUnflushed()).toHaveLength(1), WAIT);
    // An acknowledgement of what was never delivered: RabbitMQ closes the channel for it.
    first.channels[1]?.ack({ fields: { deliveryTag: 99 } } as Parameters<
      NonNullable<(typeof first.channels)[1]>['ack']
    >[0]);
    expect(await first.end).toMatchObject({ after: 'channel closed' });
    await landed('C-1', 'C-2', 'C-3');
    expect(rig.queue('customer_data').messages).toBe(3);
    await rig.begin();
    await drained();
    await landed('C-1', 'C-2', 'C-3');
  });

  test('whose connection is lost ends in the same way, and the next session uses the new connection', async () => {
    const first = await rig.begin({ batch: NEVER });
    await rig.publish('customer', customer({ id: 'C-1', lines: [] }));
    await vi.waitFor(() => expect(first.running.oldestUnflushed()).toHaveLength(1), WAIT);
    await rig.disconnect();
    expect(await first.end).toMatchObject({ after: 'channel closed' });
    await landed('C-1');
    await rig.begin();
    await drained();
    await landed('C-1');
  });

  test('whose consumer the broker cancels writes what it has and ends', async () => {
    const { end, running } = await rig.begin({ batch: NEVER });
    await rig.publish('customer', customer({ id: 'C-1', lines: [] }));
    await vi.waitFor(() => expect(running.oldestUnflushed()).toHaveLength(1), WAIT);
    await rig.channel.deleteQueue('customer_data');
    expect(await end).toMatchObject({ after: 'consumer cancelled' });
    await landed('C-1');
    // The next session declares the queue again.
    await rig.begin();
    await rig.publish('customer', customer({ id: 'C-2', lines: [] }));
    await landed('C-1', 'C-2');
  });

  test('waits for a sink that is away, says so, and goes on when it is back', async () => {
    rig.sink.failure = new Error('ENOSPC: no space left on device');
    const { problems } = await rig.begin();
    await rig.publish('customer', customer({ lines: [] }));
    await vi.waitFor(() => expect(problems).toContainEqual(expect.stringContaining('no space left')), WAIT);
    expect(rig.queue('customer_data').unacknowledged).toBe(1);
    rig.sink.failure = undefined;
    await landed('C-1');
    await drained();
    expect(problems.at(-1)).toBeUndefined();
  });

  test('stops in good order: what is begun is written, whether or not its batch is full, and the rest stays on the queue', async () => {
    const session = await rig.begin({ batch: NEVER });
    for (let n = 0; n < 5; n++) await rig.publish('customer', customer({ id: `C-${n}`, lines: [] }));
    await arrived(session, 5);
    await vi.waitFor(() => expect(session.running.oldestUnflushed()).toHaveLength(1), WAIT);
    expect(rig.sink.rows).toEqual([]);
    session.stop();
    expect(await session.end).toEqual({ after: 'stopped', reason: undefined });
    const written = rig.sink.keys('customers').length;
    expect(written).toBeGreaterThan(0);
    expect(rig.queue('customer_data')).toEqual({ messages: 5 - written, unacknowledged: 0 });
  });

  test('stops although the sink is away, when the time to stop is over; nothing is lost', async () => {
    rig.sink.failure = new Error('away');
    const session = await rig.begin();
    await rig.publish('customer', customer({ lines: [] }));
    await vi.waitFor(() => expect(session.problems).not.toEqual([]), WAIT);
    session.stop();
    await vi.waitFor(() => expect(rig.sink.writes).toBeGreaterThan(1), WAIT);
    session.abandon();
    expect(await session.end).toMatchObject({ after: 'stopped' });
    expect(rig.queue('customer_data')).toEqual({ messages: 1, unacknowledged: 0 });
    rig.sink.failure = undefined;
    await rig.begin();
    await landed('C-1');
  });

  test('whose ledger is gone writes nothing any more, and the next session knows from the sink what has landed', async () => {
    const session = await rig.begin();
    await rig.publish('customer', customer({ id: 'C-1', lines: [] }));
    await landed('C-1');
    await drained();
    await rig.redis.del(ledgerKeys(rig.pipeline, '').epoch);
    await rig.publish('customer', customer({ id: 'C-2', lines: [] }));
    expect(await session.end).toMatchObject({ after: 'writer lost', reason: expect.stringContaining('flushed') });
    await landed('C-1');
    await rig.begin();
    await rig.publish('customer', customer({ id: 'C-1', lines: [] }));
    await landed('C-1', 'C-2');
    await drained();
    expect(rig.sink.epochs).toHaveLength(2);
  });

  test('gives its deliveries back before the broker ends it for holding them too long', async () => {
    const clock = new FakeClock(Date.now());
    rig.sink.failure = new Error('away');
    const { end } = await rig.begin({ clock, batch: { size: 1, interval: 1_000 } });
    await rig.publish('customer', customer({ lines: [] }));
    await vi.waitFor(() => expect(rig.sink.writes).toBeGreaterThan(0), WAIT);
    let ended = false;
    const after = end.then((how) => {
      ended = true;
      return how.after;
    });
    for (let minute = 0; minute < 19; minute++) await clock.advance(60_000);
    expect(ended).toBe(false);
    for (let minute = 0; minute < 3; minute++) await clock.advance(60_000);
    expect(await after).toBe('held too long');
    await vi.waitFor(() => expect(rig.queue('customer_data')).toEqual({ messages: 1, unacknowledged: 0 }), WAIT);
  });

  test('cannot begin if a queue has other arguments, and says that a person must decide', async () => {
    await rig.channel.assertQueue('inventory_data', { durable: false });
    await expect(rig.begin()).rejects.toThrow(FatalError);
    await expect(rig.begin()).rejects.toThrow('other arguments');
  });

  test('closes its channels and removes its listeners from the signals when it ends', async () => {
    const [stop, overdue] = [new AbortController(), new AbortController()];
    const begun = await rig.begin({ stop, overdue });
    expect(getEventListeners(stop.signal, 'abort')).not.toEqual([]);
    expect(getEventListeners(overdue.signal, 'abort')).not.toEqual([]);
    expect(rig.channels()).toBeGreaterThan(1);
    await rig.redis.del(ledgerKeys(rig.pipeline, '').epoch);
    await rig.publish('customer', customer());
    await begun.end;
    // The channel that is left is the test's own.
    await vi.waitFor(() => expect(rig.channels()).toBe(1), WAIT);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    expect(getEventListeners(overdue.signal, 'abort')).toEqual([]);
  });

  test('that has ended leaves what it held to the next session at once', async () => {
    const first = await rig.begin({ batch: NEVER });
    await rig.publish('customer', customer({ lines: [] }), {}, 'm1');
    await vi.waitFor(() => expect(first.running.oldestUnflushed()).toHaveLength(1), WAIT);
    rig.sink.failure = new Error('away');
    first.stop();
    await vi.waitFor(() => expect(rig.sink.writes).toBeGreaterThan(0), WAIT);
    first.abandon();
    await first.end;
    rig.sink.failure = undefined;
    const began = Date.now();
    await rig.begin();
    await landed('C-1');
    // Far less than a lease lasts.
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(rig.sink.takenOver).toEqual(['writer-1']);
  });
});
