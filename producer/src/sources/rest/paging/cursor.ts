import type { PagingConfig } from '@tributary/shared';
import { valueAt } from '../formats/body-path.js';
import { withParameters } from '../request.js';
import { isCounterName } from './counted.js';
import { isEnd, notUsable, type Pager, withSize } from './pager.js';

/** Each page holds the cursor that the next one is asked for with. */
export const cursorPager = (settings: Extract<PagingConfig, { type: 'cursor' }>): Pager => ({
  // Some APIs give out an offset and call it a cursor.
  counted: isCounterName(settings.parameter) ? 'maybe' : 'never',
  repeatedSize: undefined,
  first: (request) => withSize(request, settings),
  next(current, { body }) {
    const cursor = valueAt(body, settings.next);
    if (isEnd(cursor)) return undefined;
    if (typeof cursor !== 'string' && typeof cursor !== 'number') throw notUsable(settings.next, cursor);
    return withParameters(current, { [settings.parameter]: cursor });
  },
});
