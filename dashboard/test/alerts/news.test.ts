import { expect, test } from 'vitest';
import { newsOf } from '../../src/alerts/news.js';
import type { FiringAlert } from '../../src/alerts/subject.js';

const alert = (name: string, more: Partial<FiringAlert> = {}): FiringAlert => ({
  rule: 'quiet',
  subject: { kind: 'endpoint', name },
  words: `${name} is quiet`,
  since: '2026-03-01T00:00:00.000Z',
  silenced: false,
  path: '/',
  ...more,
});

test('an alert is news when it begins to fire and when it ends, and not while it fires', () => {
  const before = [alert('a'), alert('b')];
  const after = [alert('b', { words: 'b is still quiet', silenced: true }), alert('c')];
  expect(newsOf(before, after).map(({ subject, status }) => [subject.name, status])).toEqual([
    ['c', 'firing'],
    ['a', 'resolved'],
  ]);
  expect(newsOf(after, after)).toEqual([]);
});

test('alerts of different rules, and of things of different kinds, are different alerts', () => {
  const others = [alert('a', { rule: 'failing' }), alert('a', { subject: { kind: 'queue', name: 'a' } })];
  expect(newsOf([alert('a')], [alert('a'), ...others])).toHaveLength(2);
});
