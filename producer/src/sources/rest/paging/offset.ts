import type { PagingConfig } from '@tributary/shared';
import { withParameters } from '../request.js';
import { advance, type Pager, withSize } from './pager.js';

/**
 * A page is found by the number of records before it. Pages are asked for until one is empty (see page.ts), and each begins
 * after the records that came, so that a server that caps the size loses nothing.
 */
export const offsetPager = (settings: Extract<PagingConfig, { type: 'offset' }>): Pager => ({
  counted: 'always',
  repeatedSize: settings.size,
  first: (request) => withParameters(withSize(request, settings), { [settings.parameter]: 0 }),
  next: (current, { records }) =>
    records.length === 0 ? undefined : advance(current, settings.parameter, records.length, 0),
});
