import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/service/problems.js';

describe('Problems', () => {
  it('keeps one text for a cause, and tells each change once', () => {
    const changes: unknown[] = [];
    const problems = new Problems((cause, words) => changes.push([cause, words]));
    problems.set('redis', 'Redis is away');
    problems.set('sink', 'the disk is full');
    problems.set('redis', 'Redis is away');
    problems.set('redis', 'Redis is read-only');
    expect(problems.words()).toEqual(['Redis is read-only', 'the disk is full']);
    problems.set('redis', undefined);
    problems.set('redis', undefined);
    expect(problems.words()).toEqual(['the disk is full']);
    expect(problems.has('redis')).toBe(false);
    expect(changes).toEqual([
      ['redis', 'Redis is away'],
      ['sink', 'the disk is full'],
      ['redis', 'Redis is read-only'],
      ['redis', undefined],
    ]);
  });
});
