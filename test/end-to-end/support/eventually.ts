import { vi } from 'vitest';

/** How long a condition may take to come true, in milliseconds: far longer than it does, for machines that are busy. */
const TIMEOUT = 45_000;

/** Tries until it does not throw. @throws what it threw last, when the time is up */
export function eventually<T>(check: () => T | Promise<T>, interval = 100, timeout = TIMEOUT): Promise<T> {
  return vi.waitFor(check, { timeout, interval });
}
