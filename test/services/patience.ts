import { vi } from 'vitest';

/** Milliseconds. With Vitest's own second, tests that wait for another process, or for a timer, fail on a machine that is busy. */
const PATIENCE = 45_000;

const { waitFor, waitUntil } = vi;

const patient = (options: number | { timeout?: number } = {}) =>
  typeof options === 'number' ? options : { timeout: PATIENCE, ...options };

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
