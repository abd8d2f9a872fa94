import type { Pager } from './pager.js';

/** One answer holds everything. */
export const nonePager = (): Pager => ({
  counted: 'never',
  mayRepeat: false,
  isSingle: true,
  first: { values: {} },
  next: () => undefined,
});
