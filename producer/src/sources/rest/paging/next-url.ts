import type { PagingConfig } from '@tributary/shared';
import { valueAt } from '../formats/body-path.js';
import { follow } from './follow.js';
import { isEnd, notUsable, type Pager, withSize } from './pager.js';

/** Each page holds the next page's URL. */
export const nextUrlPager = (settings: Extract<PagingConfig, { type: 'next-url' }>): Pager => ({
  counted: 'maybe',
  repeatedSize: undefined,
  first: (request) => withSize(request, settings),
  next(current, { body }) {
    const target = valueAt(body, settings.next);
    if (isEnd(target)) return undefined;
    if (typeof target !== 'string') throw notUsable(settings.next, target);
    return follow(current, target, settings.next);
  },
});
