import { parametersOf } from '../ask/settings.js';
import type { Settings } from '../guess.js';

const DAY = /^\d{4}-\d\d-\d\d/;

/**
 * Whether an address asks for other days than the request does, and for no other page of the same: some name the next week as `next`,
 * and after it the next, without an end.
 */
export function isWindow(settings: Settings, url: string): boolean {
  const given = Object.entries(parametersOf(settings)).map(([name, value]) => [name, String(value)] as const);
  const there = new URLSearchParams(url.split('?')[1] ?? '');
  const changed = given.filter(([name, value]) => there.has(name) && there.get(name) !== value);
  return changed.length > 0 && changed.every(([name, value]) => DAY.test(value) && DAY.test(there.get(name) ?? ''));
}
