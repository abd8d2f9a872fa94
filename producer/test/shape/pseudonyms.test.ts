import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePseudonym } from '../../src/shape/protect/pseudonyms.js';

const byOpenSsl = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest('hex').slice(0, 32);

/** The cases of RFC 4231, section 4, whose data is text: the others are bytes that no text has. */
const VECTORS: readonly (readonly [number, Buffer, string, string])[] = [
  [1, Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b'],
  [2, Buffer.from('Jefe'), 'what do ya want for nothing?', '5bdcc146bf60754e6a042426089575c7'],
  [5, Buffer.alloc(20, 0x0c), 'Test With Truncation', 'a3b6167473100ee06e0c796c2955552b'],
  [
    6,
    Buffer.alloc(131, 0xaa),
    'Test Using Larger Than Block-Size Key - Hash Key First',
    '60e431591ee0b67f0d8a26aacbf5b77f',
  ],
  [
    7,
    Buffer.alloc(131, 0xaa),
    'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    '9b09ffa71b942fcb27635fbcd5b0e944',
  ],
];

/** Also what has no UTF-8 form: halves of surrogate pairs. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map((units) => String.fromCharCode(...units)),
  // Around the lengths at which blocks of SHA-256, and the room for texts, end.
  fc
    .tuple(fc.constantFrom('a', 'é', '李', '😀', '\ud83d'), fc.integer({ min: 0, max: 700 }))
    .map(([unit, count]) => unit.repeat(count)),
);
const anyKey = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

describe('a pseudonym', () => {
  it.each(VECTORS)('is the HMAC-SHA-256 of case %i of RFC 4231', (_, key, text, digest) =>
    expect(compilePseudonym(key)(text)).toBe(digest),
  );

  it('is what OpenSSL makes of the same text, whatever came before it', () => {
    fc.assert(
      fc.property(anyKey, fc.array(anyText, { minLength: 1, maxLength: 8 }), (key, texts) => {
        const pseudonym = compilePseudonym(key);
        expect(texts.map(pseudonym)).toEqual(texts.map((text) => byOpenSsl(key, text)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([0, 1, 55, 56, 63, 64, 119, 120, 170, 171, 511, 512, 513, 5_000])(
    'is the same for %i characters',
    (length) => {
      const key = Buffer.alloc(32, 7);
      for (const unit of ['x', 'ü', '李', '\udc00']) {
        expect(compilePseudonym(key)(unit.repeat(length))).toBe(byOpenSsl(key, unit.repeat(length)));
      }
    },
  );
});
