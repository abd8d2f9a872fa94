import { compilePath, ExactNumber, type PagingConfig } from '@tributary/shared';
import { withParameters } from '../request.js';
import { isCounterName } from './counted.js';
import { isEnd, notUsable, type Pager, withSize } from './pager.js';

/** Each page holds the cursor that the next one is asked for with. */
export function cursorPager(settings: Extract<PagingConfig, { type: 'cursor' }>): Pager {
  const path = compilePath(settings.next);
  return {
    // Some APIs give out an offset and call it a cursor.
    counted: isCounterName(settings.parameter) ? 'maybe' : 'never',
    repeatedSize: undefined,
    first: (request) => withSize(request, settings),
    next(current, { body }) {
      const cursor = path.read(body);
      if (isEnd(cursor)) return undefined;
      if (cursor instanceof ExactNumber) return withParameters(current, { [settings.parameter]: cursor.toString() });
      if (typeof cursor !== 'string' && typeof cursor !== 'number') throw notUsable(settings.next, cursor);
      return withParameters(current, { [settings.parameter]: cursor });
    },
  };
}
