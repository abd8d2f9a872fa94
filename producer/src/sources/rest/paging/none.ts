import type { Pager } from './pager.js';

/** One answer holds every record. */
export const nonePager = (): Pager => ({
  counted: 'never',
  repeatedSize: undefined,
  first: (request) => request,
  next: () => undefined,
});
