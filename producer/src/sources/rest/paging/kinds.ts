import type { PagingConfig } from '@tributary/shared';
import { type Makers, makeKind } from '../../makers.js';
import { cursorPager } from './cursor.js';
import { linkPager } from './link.js';
import { nextUrlPager } from './next-url.js';
import { nonePager } from './none.js';
import { offsetPager } from './offset.js';
import { pagePager } from './page.js';
import type { Pager } from './pager.js';

/** The kinds of paging. Their settings are in shared/src/config/kinds/paging.ts. */
const PAGERS: Makers<PagingConfig, [], Pager> = {
  none: nonePager,
  cursor: cursorPager,
  page: pagePager,
  offset: offsetPager,
  link: linkPager,
  'next-url': nextUrlPager,
};

export const createPager = (paging: PagingConfig): Pager => makeKind(PAGERS, paging);
