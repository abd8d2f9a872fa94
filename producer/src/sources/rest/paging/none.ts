import type { Pager } from './pager.js';

/** One answer holds everything. */
export const nonePager = (): Pager => ({
  counted: 'never',
  mayRepeat: false,
  first: { values: {} },
  next: () => undefined,
});
