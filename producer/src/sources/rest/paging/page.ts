import type { PagingConfig } from '@tributary/shared';
import { withParameters } from '../request.js';
import { advance, type Pager, withSize } from './pager.js';

/**
 * Pages are numbered, and an empty page is the end. A short page is not: servers cap the size that is asked for, and some
 * filter a page after cutting it. Ending there would silently lose the pages that follow.
 */
export const pagePager = (settings: Extract<PagingConfig, { type: 'page' }>): Pager => ({
  counted: 'always',
  repeatedSize: settings.size,
  first: (request) => withParameters(withSize(request, settings), { [settings.parameter]: settings.first }),
  next: (current, { records }) =>
    records.length === 0 ? undefined : advance(current, settings.parameter, 1, settings.first),
});
