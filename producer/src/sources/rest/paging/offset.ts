import type { PagingConfig } from '@tributary/shared';
import { countOf, type Pager } from './pager.js';

/**
 * A page is found by the number of records before it, and an empty page is the end (see page.ts). The offset grows by the
 * number of records that came, so no record is lost when the server caps the size.
 */
export const offsetPager = ({ first, size }: Extract<PagingConfig, { type: 'offset' }>): Pager => ({
  counted: 'always',
  mayRepeat: true,
  first: { values: { offset: first } },
  next(current, { records, more }) {
    const offset = countOf(current, 'offset', first);
    if (records.length > 0) return { values: { offset: offset + records.length } };
    return more === true ? { values: { offset: offset + size } } : undefined;
  },
});
