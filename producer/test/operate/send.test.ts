import { expect, test } from 'vitest';
import { sendLines, sendRecord } from '../../src/operate/send.js';
import { setUpProducer } from '../support/producer.js';

const TOKEN = 'an-admin-token-of-tests';

async function setUp(endpoints = {}) {
  const { producer, ready, server } = await setUpProducer(endpoints, { adminToken: TOKEN });
  await producer.start();
  await ready();
  const bodies = () => {
    const { messages = [] } = server.getBroker().getQueue('customer_data') ?? {};
    // Some messages are packs: a record in each line.
    const lines = messages.flatMap(({ content }) => String(content).split('\n'));
    return lines.map((line) => JSON.parse(line) as unknown);
  };
  return { producer, bodies, options: { entity: 'customer', producerUrl: producer.url, adminToken: TOKEN } };
}

test('a record is sent when RabbitMQ has it, and so is a tombstone', async () => {
  const { options, bodies } = await setUp();
  await sendRecord({ id: 'c1', name: 'A', updatedAt: '2026-11-28T12:00:00Z' }, options);
  await sendRecord({ id: 'c1', updatedAt: '2026-11-28T12:00:01Z', _deleted: true }, options);
  expect(bodies()).toEqual([
    { id: 'c1', name: 'A', updatedAt: '2026-11-28T12:00:00Z' },
    { id: 'c1', updatedAt: '2026-11-28T12:00:01Z', _deleted: true },
  ]);
});

test('of many lines those that are not valid are told of, and cost no other', async () => {
  const { options, bodies } = await setUp();
  const lines = Array.from({ length: 1_500 }, (_, number) => `{"id":"c${number}","updatedAt":"2026-11-28T12:00:00Z"}`);
  lines[3] = '{"id":';
  lines[1_200] = '{"id":"late","updatedAt":"never"}';
  const { accepted, refused } = await sendLines(lines, options);
  expect(accepted).toBe(1_498);
  expect(refused).toEqual([
    { place: 3, error: expect.stringContaining('not JSON') },
    { place: 1_200, error: expect.stringContaining('customer late: field "updatedAt"') },
  ]);
  expect(bodies()).toHaveLength(1_498);
});

test('what cannot be sent is told in words', async () => {
  const { options, producer } = await setUp();
  const record = { id: 'c1', updatedAt: '2026-11-28T12:00:00Z' };
  await expect(sendRecord({ name: 'no key' }, options)).rejects.toThrow(/key field "id" is missing.*it was not sent/);
  await expect(sendRecord(record, { ...options, entity: 'order' })).rejects.toThrow(
    /no entity "order": expected one of customer/,
  );
  await expect(sendRecord(record, { ...options, adminToken: 'guessed-by-a-stranger' })).rejects.toThrow(/ADMIN_TOKEN/);
  await producer.stop(1_000);
  await expect(sendRecord(record, options)).rejects.toThrow(/no producer answers at/);
});

test('a record whose entity follows a database is refused: it would be older than every change, and be dropped in silence', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/none';
  const { options, bodies } = await setUp({ crm: { source: 'postgres-changes', url, table: 'customers' } });
  const record = { id: 'c1', updatedAt: '2026-11-28T12:00:00Z' };
  await expect(sendRecord(record, options)).rejects.toThrow(
    /follows the changes of a database.*write it into the table/,
  );
  expect(bodies()).toEqual([]);
});
