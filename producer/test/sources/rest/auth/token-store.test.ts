import { describe, expect, it } from 'vitest';
import { createSeal } from '../../../../src/sources/rest/auth/seal.js';
import { memoryTokenStore } from '../../../../src/sources/rest/auth/token-store.js';
import { describeTokenStore } from './token-store-conformance.js';

describeTokenStore('memory', async () => {
  const store = memoryTokenStore();
  return { one: store, other: store };
});

describe('a seal', () => {
  const seal = createSeal('a-long-random-secret', 'crm');
  const closed = seal.close('refresh-token-1', 'here');

  it('opens what it has closed, also after a restart', () => {
    expect(seal.open(closed, 'here')).toBe('refresh-token-1');
    expect(createSeal('a-long-random-secret', 'crm').open(closed, 'here')).toBe('refresh-token-1');
    expect(Buffer.from(closed, 'base64url').includes('refresh')).toBe(false);
    expect(seal.close('refresh-token-1', 'here')).not.toBe(closed);
  });

  it.each([
    ['another secret', createSeal('another-random-secret', 'crm').open(closed, 'here')],
    ['another pipeline', createSeal('a-long-random-secret', 'shop').open(closed, 'here')],
    ['another place', seal.open(closed, 'there')],
    ['text that was altered', seal.open(closed.slice(0, -4) + (closed.endsWith('AAAA') ? 'BBBB' : 'AAAA'), 'here')],
    ['text that was cut off', seal.open(closed.slice(0, 20), 'here')],
    ['a shorter tag', seal.open(`${closed.slice(0, -8)}`, 'here')],
    ['no text at all', seal.open('v1.', 'here')],
    ['another version', seal.open(closed.replace('v1.', 'v2.'), 'here')],
  ])('does not open with %s', (_what, opened) => {
    expect(opened).toBeUndefined();
  });

  it('names a thing always the same, and never by its text', () => {
    const name = seal.nameOf('refresh-token-1');
    expect(createSeal('a-long-random-secret', 'crm').nameOf('refresh-token-1')).toBe(name);
    expect(name).not.toContain('refresh');
    expect(seal.nameOf('refresh-token-2')).not.toBe(name);
    expect(createSeal('another-random-secret', 'crm').nameOf('refresh-token-1')).not.toBe(name);
  });
});
