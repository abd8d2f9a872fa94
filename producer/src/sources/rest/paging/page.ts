import type { PagingConfig } from '@tributary/shared';
import { withParameters } from '../request.js';
import { advance, type Pager, withSize } from './pager.js';

/**
 * Pages have numbers. They are asked for until one is empty: a short page is no sign of the end, since servers cap the size
 * that is asked for, and some filter a page after cutting it. Ending there would lose what follows without a word.
 */
export const pagePager = (settings: Extract<PagingConfig, { type: 'page' }>): Pager => ({
  counted: 'always',
  repeatedSize: settings.size,
  first: (request) => withParameters(withSize(request, settings), { [settings.parameter]: settings.first }),
  next: (current, { records }) =>
    records.length === 0 ? undefined : advance(current, settings.parameter, 1, settings.first),
});
