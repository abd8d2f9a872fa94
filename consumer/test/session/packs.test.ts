import { DEAD_LETTER_HEADERS, PACK_CONTENT_TYPE, packBodies, packedId } from '@tributary/shared';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RedisStandIn, startRedisStandIn } from '../ledger/stand-in.js';
import { customer } from '../support/records.js';
import { type Rig, startRig } from './rig.js';

// A stand-in starts a process, and the machine may be busy.

const WAIT = { timeout: 45_000 };
const NEVER = { size: 10, interval: 3_600_000 };
const PACK = '019b7600-0000-7000-8000-00000000000a';
const NUMBER = '0123456789abcdef/8+4';

describe('a pack', () => {
  let standIn: RedisStandIn;
  let rig: Rig;
  beforeAll(async () => {
    standIn = await startRedisStandIn();
  });
  afterAll(() => standIn.stop());
  beforeEach(async () => {
    rig = await startRig(standIn);
  });
  const send = (...records: readonly unknown[]) => sendAs({}, ...records);
  const sendAs = async (more: Readonly<Record<string, unknown>>, ...records: readonly unknown[]) => {
    const bodies = records.map((one) => Buffer.from(typeof one === 'string' ? one : JSON.stringify(one)));
    const headers = { endpoint: 'crm', run: 3, records: records.length, publication: NUMBER, ...more };
    const options = { persistent: true, contentType: PACK_CONTENT_TYPE, messageId: PACK, headers };
    rig.channel.publish(rig.pipeline, 'customer', packBodies(bodies), options);
    await rig.channel.waitForConfirms();
  };
  const record = (id: string, changes = {}) => customer({ id, lines: [], ...changes });
  const landed = (...keys: string[]) => vi.waitFor(() => expect(rig.sink.keys('customers')).toEqual(keys), WAIT);
  const queue = () => rig.queue('customer_data');
  const drained = () => vi.waitFor(() => expect(queue()).toEqual({ messages: 0, unacknowledged: 0 }), WAIT);

  test('lands record by record, each under an id of its own, and is acknowledged with the last', async () => {
    const first = await rig.begin({ batch: { size: 2, interval: 3_600_000 } });
    await send(record('C-1'), record('C-2'), record('C-3'));
    await landed('C-1', 'C-2');
    // A row is in the sink before it is committed.
    await vi.waitFor(() => expect(first.running.unsettled()).toBe(1), WAIT);
    expect(queue().messages).toBe(1);
    await first.running.flushNow();
    await drained();
    await landed('C-1', 'C-2', 'C-3');
    expect(rig.sink.rows.map(({ messageId }) => messageId)).toEqual([0, 1, 2].map((place) => packedId(PACK, place)));
  });

  test('that was half committed when its consumer died is delivered again, and the rest of it lands', async () => {
    const first = await rig.begin({ batch: { size: 2, interval: 3_600_000 } });
    await send(record('C-1'), record('C-2'), record('C-3'));
    await landed('C-1', 'C-2');
    rig.sink.failure = new Error('away');
    first.stop();
    first.abandon();
    await first.end;
    rig.sink.failure = undefined;
    expect(queue().messages).toBe(1);
    const noted: unknown[] = [];
    await rig.begin({ note: async (_consumer, _held, settled) => void noted.push(...settled) });
    await drained();
    await landed('C-1', 'C-2', 'C-3');
    expect(noted).toEqual([{ token: NUMBER.slice(0, 16), queue: 'customer_data', runs: [[8, 11]] }]);
  });

  test('with A, B and A again of one key lands as three rows, and twice the same pack as these three', async () => {
    await rig.begin();
    const [a, b] = ['A', 'B'].map((name, index) => record('C-1', { name, updatedAt: `2025-01-01T00:00:0${index}Z` }));
    const again = record('C-1', { name: 'A', updatedAt: '2025-01-01T00:00:02Z' });
    await send(a, b, again);
    await send(a, b, again);
    await drained();
    await landed('C-1', 'C-1', 'C-1');
    expect(rig.sink.rows.map(({ values }) => values?.name)).toEqual(['A', 'B', 'A']);
  });

  test('buries its bad records alone, as messages of their own with their key, and the others go on', async () => {
    await rig.begin();
    await send(record('C-1'), record('C-2', { name: 7 }), 'no JSON', record('C-4'));
    await landed('C-1', 'C-4');
    await drained();
    const letters = [await rig.take('customer_data.dead'), await rig.take('customer_data.dead')];
    const told = letters.map(({ content, properties: { contentType, messageId, headers } }) => ({
      content: content.toString(),
      contentType,
      place: messageId,
      key: headers?.key,
      code: headers?.[DEAD_LETTER_HEADERS.code],
      ofPack: [headers?.records, headers?.publication],
      endpoint: headers?.endpoint,
    }));
    const common = { contentType: 'application/json', ofPack: [undefined, undefined], endpoint: 'crm' };
    expect(told.sort((x, y) => String(x.place).localeCompare(String(y.place)))).toEqual([
      {
        ...common,
        content: JSON.stringify(record('C-2', { name: 7 })),
        place: packedId(PACK, 1),
        key: 'C-2',
        code: expect.any(String),
      },
      { ...common, content: 'no JSON', place: packedId(PACK, 2), key: undefined, code: 'not_json' },
    ]);
  });

  test.each([
    { what: 'holds nothing', body: '\r\n', code: 'pack_empty' },
    {
      what: 'holds so many records that they would fill the memory',
      body: '1\n'.repeat(3_000_000),
      code: 'pack_too_large',
    },
  ])('that $what is buried as it is', async ({ body, code }) => {
    await rig.begin();
    await send(body);
    await send(record('C-1'));
    await landed('C-1');
    await drained();
    const letter = await rig.take('customer_data.dead');
    expect(letter.properties.headers).toMatchObject({ [DEAD_LETTER_HEADERS.code]: code });
    expect(letter.content.toString() === body).toBe(true);
  });

  test('of a later format waits, and is said to, while others land; when the session stops it is given back as it was', async () => {
    const { end, problems, stop } = await rig.begin();
    await sendAs({ packFormat: 2 }, record('C-1'), record('C-2'));
    await sendAs({ packFormat: 1 }, record('C-3'), record('C-4'));
    await landed('C-3', 'C-4');
    await vi.waitFor(() => expect(queue()).toEqual({ messages: 1, unacknowledged: 1 }), WAIT);
    expect(problems).toEqual([expect.stringContaining('a pack of format 2, and this consumer reads format 1')]);
    stop();
    await end;
    expect(problems.at(-1)).toBeUndefined();
    const { content, properties } = await rig.take('customer_data');
    expect(properties).toMatchObject({ contentType: PACK_CONTENT_TYPE, messageId: PACK });
    expect(properties.headers).toMatchObject({ packFormat: 2 });
    expect(content.toString()).toBe(`${JSON.stringify(record('C-1'))}\n${JSON.stringify(record('C-2'))}`);
  });

  test('is written and acknowledged as far as it is claimed when the session stops', async () => {
    const { end, running, stop } = await rig.begin({ batch: NEVER });
    await send(record('C-1'), record('C-2'));
    await vi.waitFor(() => expect(running.unsettled()).toBe(2), WAIT);
    await vi.waitFor(() => expect(running.oldestUnflushed()).toHaveLength(1), WAIT);
    stop();
    await end;
    await landed('C-1', 'C-2');
    expect(queue().messages).toBe(0);
  });
});
