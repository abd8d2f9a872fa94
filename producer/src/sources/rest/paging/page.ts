import type { PagingConfig } from '@tributary/shared';
import { countOf, type Pager } from './pager.js';

/**
 * Pages are numbered, and an empty page is the end. A short page is not: servers cap the size that is asked for, and some
 * filter a page after cutting it. Ending there would silently lose the pages that follow.
 */
export const pagePager = ({ first }: Extract<PagingConfig, { type: 'page' }>): Pager => ({
  counted: 'always',
  mayRepeat: true,
  first: { values: { page: first } },
  next: (current, { records, more }) =>
    records.length > 0 || more === true ? { values: { page: countOf(current, 'page', first) + 1 } } : undefined,
});
