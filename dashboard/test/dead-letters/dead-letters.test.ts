import type { ConsumeMessage } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { describeList } from '../../src/dead-letters/commands/words.js';
import { matches, readLetter } from '../../src/dead-letters/letter.js';
import type { LetterPage } from '../../src/dead-letters/listing.js';
import { PASSES } from '../../src/dead-letters/verdict.js';

const QUEUE = { entity: 'customer', queue: 'customer_data', deadQueue: 'customer_data.dead' };

const message = (content: string, headers: Record<string, unknown> = {}, messageId?: string): ConsumeMessage => ({
  content: Buffer.from(content),
  fields: { deliveryTag: 1, redelivered: false, exchange: '', routingKey: '', consumerTag: '' },
  properties: { headers, messageId } as ConsumeMessage['properties'],
});

describe('a dead letter', () => {
  it('has an id made of its content: the same each time it is looked at, and different from others', () => {
    const one = readLetter(message('{"a":1}', {}, 'm1'), QUEUE);
    expect(readLetter(message('{"a":1}', {}, 'm1'), QUEUE).id).toBe(one.id);
    expect(readLetter(message('{"a":2}', {}, 'm1'), QUEUE).id).not.toBe(one.id);
    expect(readLetter(message('{"a":1}', {}, 'm2'), QUEUE).id).not.toBe(one.id);
    // Without an id of its own it would be given another each time.
    expect(readLetter(message('x'), QUEUE).id).toBe(readLetter(message('x'), QUEUE).id);
  });

  it('has an id that no shell takes for an option', () => {
    const first = (n: number) => readLetter(message(`${n}`), QUEUE).id.charAt(0);
    expect(Array.from({ length: 1_000 }, (_, n) => first(n))).not.toContain('-');
  });

  it('has the reason of RabbitMQ where the consumer has given none', () => {
    const letter = readLetter(message('x', { 'x-first-death-reason': 'delivery_limit' }), QUEUE);
    expect(letter).toMatchObject({ code: 'delivery_limit', reason: 'RabbitMQ gave it up: delivery_limit' });
    expect(readLetter(message('x'), QUEUE)).toMatchObject({ code: 'unknown', key: null, endpoint: 'unknown' });
  });

  it('is short in a list, also if it holds much', () => {
    const letter = readLetter(message('ü\n'.repeat(100_000), { 'tributary-reason': 'y'.repeat(100_000) }), QUEUE);
    expect(letter.size).toBe(300_000);
    expect(JSON.stringify(letter).length).toBeLessThan(2_000);
  });

  it('matches if it meets every criterion', () => {
    const letter = readLetter(message('{"name":"Ada"}', { endpoint: 'crm', 'tributary-error-code': 'x' }, 'm'), QUEUE);
    expect(matches(letter, {})).toBe(true);
    expect(matches(letter, { endpoint: 'crm', code: 'x', search: 'ADA name' })).toBe(true);
    expect(matches(letter, { endpoint: 'crm', code: 'y' })).toBe(false);
    expect(matches(letter, { search: 'ada bob' })).toBe(false);
  });
});

describe('the list from the shell', () => {
  const list = (page: Partial<LetterPage>): string =>
    describeList({
      queues: [{ queue: 'customer_data', entity: 'customer', letters: 25_310 }],
      letters: [],
      total: 0,
      facets: { queue: [], code: [], field: [], endpoint: [] },
      groups: [],
      causes: 0,
      prospect: { passing: 0, unknown: 0, staying: 0, faults: [] },
      complete: true,
      looked: 25_310,
      lookedAt: '2026-01-05T10:00:00.000Z',
      ...page,
    });
  const letters = [{ ...readLetter(message('{"a":1}', {}, 'm1'), QUEUE), now: PASSES }];

  it('says how many letters there are, and which of them were not looked at', () => {
    expect(list({ letters, total: 1 })).toContain('1 in all.');
    const oldest = list({ letters, total: 20_000, complete: false, looked: 20_000 });
    expect(oldest).toContain('1 of 20000 shown; --limit shows more.');
    expect(oldest).toContain('of the oldest 20000 of 25310; replay and discard mean all of them');
    expect(list({ complete: false, looked: 20_000 })).toBe('None of the oldest 20000 of 25310 matches.\n');
  });
});
