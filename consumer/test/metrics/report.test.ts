import { PassThrough } from 'node:stream';
import { createLogger, PoisonError } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { decode } from '../../src/intake/decode.js';
import { Delivery, Settler } from '../../src/intake/settle.js';
import { DeadRecords } from '../../src/metrics/dead-records.js';
import { Reporter } from '../../src/metrics/report.js';
import { FakeChannel } from '../support/fake-channel.js';
import { FakeClock } from '../support/fake-clock.js';
import { CUSTOMER, customer, newMetrics } from '../support/records.js';

function newReporter() {
  const clock = new FakeClock();
  const over = new AbortController();
  const out = new PassThrough();
  let text = '';
  out.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const log = createLogger({ service: 'consumer', instance: 'test', level: 'warn' }, out);
  const dead = new DeadRecords();
  const channel = new FakeChannel();
  const settler = new Settler({ channel, clock, prefetch: 10, isStarved: () => true, over: over.signal });
  const metrics = newMetrics();
  const report = new Reporter({ metrics, log, clock, dead, over: over.signal });
  const delivery = (key: string, endpoint = 'crm', body: object | string = '{') => {
    const message = channel.message(body as string, `m-${key}`);
    Object.assign(message.properties.headers ?? {}, { endpoint, key });
    return new Delivery({ ...message, properties: { ...message.properties, headers: { endpoint, key } } }, 0, settler);
  };
  const lines = () =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const die = (key: string, value: unknown, { endpoint = 'crm', field = 'price', fault = 'expected a number' } = {}) =>
    report.dead(
      delivery(key, endpoint),
      'customer',
      new PoisonError(
        'field_invalid',
        `customer ${key}: field "${field}" is ${JSON.stringify(value)}: ${fault}`,
        field,
        {
          fault,
        },
      ),
      true,
    );
  return { clock, over, report, dead, delivery, die, lines, metrics };
}

describe('records that die', () => {
  test('of one fault are one line, with their number and an example', async () => {
    const { clock, die, lines } = newReporter();
    for (let index = 0; index < 1_000; index++) die(`C-${index}`, `value ${index}`);
    expect(lines()).toEqual([]);
    await clock.advance(1_000);
    expect(lines()).toEqual([
      expect.objectContaining({
        endpoint: 'crm',
        entity: 'customer',
        code: 'field_invalid',
        field: 'price',
        count: 1_000,
        key: 'C-0, C-1, C-2, C-3, C-4',
        reason: 'customer C-0: field "price" is "value 0": expected a number',
        msg: expect.stringMatching(/^1000 records sent to the dead letters for one fault/),
      }),
    ]);
  });

  test('of several faults, fields and endpoints are a line each', async () => {
    const { clock, die, lines, dead } = newReporter();
    die('A', 1);
    die('B', 2, { field: 'name', fault: 'expected text' });
    die('C', 3, { fault: 'expected a whole number' });
    die('D', 4, { endpoint: 'shop' });
    die('E', 5, { field: 'lines.0.sku' });
    die('F', 6, { field: 'lines.7.sku' });
    await clock.advance(1_000);
    expect(lines().map(({ key, count }) => [key, count])).toEqual([
      ['A', 1],
      ['B', 1],
      ['C', 1],
      ['D', 1],
      ['E, F', 2],
    ]);
    expect(lines()[0]).toMatchObject({ msg: expect.stringMatching(/^record sent to the dead letters/) });
    expect(dead.groups.map(({ keys, count }) => [...keys, count])).toEqual([
      ['A', 1],
      ['B', 1],
      ['C', 1],
      ['D', 1],
      ['E', 'F', 2],
    ]);
  });

  test('of a fault that stays are told once a minute, those of a new one at once, and the rest at the end', async () => {
    const { clock, over, die, lines } = newReporter();
    die('A', 1);
    await clock.advance(1_000);
    for (let second = 0; second < 59; second++) {
      die(`B-${second}`, second);
      await clock.advance(1_000);
    }
    expect(lines()).toHaveLength(1);
    await clock.advance(1_000);
    expect(lines().map(({ count }) => count)).toEqual([1, 59]);
    die('C', 1, { field: 'name' });
    await clock.advance(1_000);
    expect(lines()).toHaveLength(3);
    die('D', 1);
    over.abort();
    await clock.advance(0);
    expect(lines().at(-1)).toMatchObject({ key: 'D', count: 1 });
  });

  test('again and again of ever new faults do not fill the memory', () => {
    const { die, dead } = newReporter();
    for (let index = 0; index < 5_000; index++) die('A', 1, { field: `field ${index}` });
    expect(dead.groups).toHaveLength(200);
    expect(dead.groups.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
  });
});

test('fields that another program sends and the entity does not declare are one line, with the lines to add', async () => {
  const { report, delivery, lines } = newReporter();
  const known = { find: () => undefined };
  const send = (key: string, more: object) =>
    report.unknownFields(decode(delivery(key, 'shop', customer({ id: key, ...more })), CUSTOMER, known));
  send('A', { vip: true, 'first seen': '2026-01-01', score: 12 });
  send('B', { vip: false, tags: ['a'] });
  report.tellUnknownFields();
  send('C', { vip: true });
  report.tellUnknownFields();
  expect(lines()).toEqual([
    expect.objectContaining({
      endpoint: 'shop',
      entity: 'customer',
      key: 'A',
      fields: ['vip', 'first seen', 'score', 'tags'],
      add: ['vip: boolean?', `first_seen: "date? $['first seen']"`, 'score: integer?', 'tags: json?'],
    }),
  ]);
});

test('endpoints and fields that another program makes up do not fill the metrics', async () => {
  const { report, delivery, die, metrics } = newReporter();
  for (let index = 0; index < 1_100; index++) die('A', 1, { endpoint: `made up ${index}` });
  die('A', 1, { endpoint: 'x'.repeat(10_000) });
  const known = { find: () => undefined };
  const record = customer({ id: 'A', ['y'.repeat(10_000)]: true });
  report.unknownFields(decode(delivery('A', 'shop', record), CUSTOMER, known));
  const text = await metrics.registry.metrics();
  expect(text.match(/^tributary_dead_letters_total\{/gm)).toHaveLength(1_001);
  expect(text).toMatch(/^tributary_dead_letters_total\{endpoint="\(others\)".* 101$/m);
  expect(text).toMatch(/^tributary_unknown_fields_total\{.*field="\(others\)"/m);
  expect(text).not.toMatch(/x{300}|y{300}/);
});
