import { compilePath, type PagingConfig } from '@tributary/shared';
import { follow } from './follow.js';
import { isEnd, notUsable, type Pager, withSize } from './pager.js';

/** Each page holds the next page's URL. */
export function nextUrlPager(settings: Extract<PagingConfig, { type: 'next-url' }>): Pager {
  const path = compilePath(settings.next);
  return {
    counted: 'maybe',
    repeatedSize: undefined,
    first: (request) => withSize(request, settings),
    next(current, { body }) {
      const target = path.read(body);
      if (isEnd(target)) return undefined;
      if (typeof target !== 'string') throw notUsable(settings.next, target);
      return follow(current, target, settings.next);
    },
  };
}
