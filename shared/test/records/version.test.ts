import { describe, expect, test } from 'vitest';
import { normaliseVersion, versionOrder } from '../../src/index.js';

const sorted = (...versions: readonly string[]) =>
  versions.toSorted((a, b) => (versionOrder(a, 'm') < versionOrder(b, 'm') ? -1 : 1));

describe('the order of versions', () => {
  test('of times is that of the moments, however many digits their fractions have', () => {
    const times = [
      '2024-05-01T10:00:00Z',
      '2024-05-01T10:00:00.5Z',
      '2024-05-01T10:00:00.500001Z',
      '2024-05-01T10:00:01Z',
    ];
    const versions = times.map((time) => normaliseVersion(time, 'datetime') ?? '');
    expect(sorted(...versions.toReversed())).toEqual(versions);
    expect(versionOrder('2024-05-01T10:00:00.000Z', 'm1')).toBe('2024-05-01T10:00:00.000 m1');
  });

  test('of text tells apart what differs in a Z at the end, and puts it behind its like', () => {
    expect(versionOrder('2024Z', 'm1')).not.toBe(versionOrder('2024', 'm1'));
    expect(sorted('v2Z', 'v2', 'v2A', 'v1Z')).toEqual(['v1Z', 'v2', 'v2A', 'v2Z']);
    expect(sorted('2024-05Z', '2024-05', '2024-05A')).toEqual(['2024-05', '2024-05A', '2024-05Z']);
  });

  test('of whole numbers is that of their values', () => {
    expect(sorted('10', '9', '100')).toEqual(['9', '10', '100']);
  });
});
