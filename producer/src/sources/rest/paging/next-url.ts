import { compilePath, type PagingConfig } from '@tributary/shared';
import { follow } from './follow.js';
import { isEnd, notUsable, type Pager } from './pager.js';

/** Each page holds the next page's URL. */
export function nextUrlPager({ next: path }: Extract<PagingConfig, { type: 'next-url' }>): Pager {
  const { read } = compilePath(path);
  return {
    counted: 'maybe',
    mayRepeat: false,
    first: { values: {} },
    next(_current, { body, asked }) {
      const target = read(body);
      if (isEnd(target)) return undefined;
      if (typeof target !== 'string') throw notUsable(path, target);
      return { address: follow(asked, target, path) };
    },
  };
}
