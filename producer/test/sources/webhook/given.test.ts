import { parseJson } from '@tributary/shared';
import { expect, it } from 'vitest';
import { textOfGiven } from '../../../src/sources/webhook/given.js';

const circle: Record<string, unknown> = { id: 'a' };
circle.any = { within: [circle] };
let deep: Record<string, unknown> = {};
for (let level = 0; level < 100_000; level++) deep = { deep };

it.each([
  ['NaN', { id: 'a', n: Number.NaN }, '"n" is NaN, which JSON cannot hold'],
  ['an infinite number in a list', { id: 'a', lines: [{ q: 1 }, { q: -Infinity }] }, '"lines.1.q" is -Infinity'],
  ['a BigInt', { id: 'a', i: 10n }, '"i" is a BigInt, which JSON cannot hold: give it as text'],
  ['a Date without a time', { id: 'a', at: new Date('no') }, '"at" is a Date without a time'],
  ['a circle', circle, 'holds itself'],
  ['100,000 levels', deep, 'is nested too deep'],
  [
    'a getter that throws',
    {
      get id(): string {
        throw new Error('boom');
      },
    },
    'it cannot be read: boom',
  ],
  ['a proxy that was revoked', revoked(), 'it cannot be read: '],
  ['what throws nothing', new Proxy({ id: 'a' }, { ownKeys: () => fail(undefined) }), 'it cannot be read: undefined'],
  [
    'a value that says wrongly what it is',
    { id: 'a', any: { toJSON: () => fail(new Error('none')) } },
    'it cannot be read: none',
  ],
])('refuses a record with %s in words: JSON would leave it out in silence, or not be made', (_what, record, words) => {
  expect(() => textOfGiven('post', record)).toThrow(
    expect.objectContaining({ code: 'record_refused', message: expect.stringContaining(words) }),
  );
});

it('takes everything else as JSON does', () => {
  const at = new Date(0);
  const exact = parseJson('{"n":12345678901234567890.5}');
  const record = { id: 'a', n: -0, none: undefined, null: null, at, exact, lines: [{ q: 1 }], word: () => 1 };
  expect(textOfGiven('post', record)).toBe(
    '{"id":"a","n":0,"null":null,"at":"1970-01-01T00:00:00.000Z","exact":{"n":12345678901234567890.5},"lines":[{"q":1}]}',
  );
  expect(textOfGiven('post', Object.assign(Object.create(null), { id: 'a' }))).toBe('{"id":"a"}');
  expect(textOfGiven('post', undefined)).toBeUndefined();
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function fail(thrown: unknown): never {
  throw thrown;
}
