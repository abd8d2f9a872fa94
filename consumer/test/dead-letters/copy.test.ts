import { DEAD_LETTER_HEADERS, PoisonError, tableSize } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { bareOptions, copyOptions } from '../../src/dead-letters/copy.js';

const words = { error: new PoisonError('c', 'r'.repeat(10_000), 'f'), queue: 'q', deadAt: 'now', copy: 1 };
const text = (value: unknown) => String(value);

describe('a letter', () => {
  test.each([4_096, 8_192, 65_536, 131_072])('fits into a frame of %d bytes, whatever the original had', (frameMax) => {
    const headers = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`h${n}`, 'ü'.repeat(n * 10)]));
    const long = 'ö'.repeat(127);
    const original = { messageId: long, type: long, appId: long, correlationId: long, replyTo: long, headers };
    const options = copyOptions(original, words, frameMax);
    expect(tableSize(options.headers ?? {})).toBeLessThan(Math.min(frameMax, 65_536) - 5 * 255);
    expect(options.headers).toMatchObject({ [DEAD_LETTER_HEADERS.code]: 'c', [DEAD_LETTER_HEADERS.queue]: 'q' });
    expect(text(options.headers?.[DEAD_LETTER_HEADERS.cut])).toContain('bytes)');
  });

  test.each([
    ['NaN', Number.NaN],
    ['an infinite number', Number.NEGATIVE_INFINITY],
    ['a number that is no integer of 64 bits', -1e300],
    ['a time after the last', { '!': 'timestamp', value: 2 ** 64 }],
    ['a table that looks like a type of its own', { '!': 'nonsense', value: 1 }],
    ['a name that is too long in its depth', { inner: { ['n'.repeat(300)]: 1 } }],
    ['a nest that is too deep', Array.from({ length: 100 }).reduce((inner: unknown) => [inner], 1)],
  ])('leaves out %s, and says so', (_what, value) => {
    const { headers = {} } = copyOptions({ headers: { bad: value, good: 1 } }, words);
    expect(headers).not.toHaveProperty('bad');
    expect(headers.good).toBe(1);
    expect(headers[DEAD_LETTER_HEADERS.cut]).toContain('bad (cannot be encoded)');
  });

  test('has under other names what RabbitMQ would act on', () => {
    const original = {
      userId: 'u',
      expiration: '5',
      replyTo: 'amq.rabbitmq.reply-to.g1',
      timestamp: 2 ** 64,
      headers: { CC: ['other'], BCC: ['another'] },
    };
    const options = copyOptions(original, words);
    expect(options).not.toHaveProperty('userId');
    expect(options).not.toHaveProperty('expiration');
    expect([options.timestamp, options.persistent, options.mandatory]).toEqual([undefined, true, true]);
    expect(Object.keys(options.headers ?? {})).not.toContain('CC');
    expect(options.headers).toMatchObject({
      'tributary-original-CC': ['other'],
      'tributary-original-BCC': ['another'],
      'tributary-original-userId': 'u',
      'tributary-original-expiration': '5',
      'tributary-original-replyTo': 'amq.rabbitmq.reply-to.g1',
      'tributary-original-timestamp': '18446744073709552000',
    });
  });

  test('has under other names what the record claims of a letter', () => {
    const claims = {
      'tributary-kept-body': 'a'.repeat(64),
      'tributary-kept-bytes': 9,
      'tributary-field': 'forged',
      'x-tributary-cut': 'forged',
    };
    const { headers = {} } = copyOptions({ headers: claims }, { ...words, error: new PoisonError('c', 'r') });
    for (const [name, value] of Object.entries(claims)) {
      expect(headers).not.toHaveProperty(name);
      expect(headers[`tributary-original-${name}`]).toBe(value);
    }
  });

  test('has its own kept body, whatever the record claims', () => {
    const kept = { id: 'b'.repeat(64), bytes: 5 };
    const { headers = {} } = copyOptions({ headers: { 'tributary-kept-body': 'a'.repeat(64) } }, { ...words, kept });
    expect(headers).toMatchObject({ 'tributary-kept-body': kept.id, 'tributary-kept-bytes': 5 });
  });

  test('of the last resort has nothing of the original but its id', () => {
    const { headers = {}, messageId } = bareOptions({ messageId: 'ü-1', headers: { big: 'x' } }, words);
    expect(messageId).toBe('_-1');
    expect(headers).not.toHaveProperty('big');
    expect(headers[DEAD_LETTER_HEADERS.cut]).toContain('every header');
  });
});
