import type { PagingConfig } from '@tributary/shared';
import { withParameters } from '../request.js';
import { advance, type Pager, withSize } from './pager.js';

/**
 * A page is found by the number of records before it, and an empty page is the end (see page.ts). The offset grows by the
 * number of records that came, so no record is lost when the server caps the size.
 */
export const offsetPager = (settings: Extract<PagingConfig, { type: 'offset' }>): Pager => ({
  counted: 'always',
  repeatedSize: settings.size,
  first: (request) => withParameters(withSize(request, settings), { [settings.parameter]: 0 }),
  next: (current, { records }) =>
    records.length === 0 ? undefined : advance(current, settings.parameter, records.length, 0),
});
