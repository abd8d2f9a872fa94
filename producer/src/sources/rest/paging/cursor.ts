import { compilePath, ExactNumber, type PagingConfig } from '@tributary/shared';
import { isCounterName } from './counted.js';
import { type Cursor, isEnd, notUsable, type PageAddress, type Pager } from './pager.js';

/** Each page holds the cursor that the next one is asked for with. */
export function cursorPager(settings: Extract<PagingConfig, { type: 'cursor' }>): Pager {
  const { read } = compilePath(settings.next);
  return {
    // Some APIs give out an offset and call it a cursor.
    counted: isCounterName(settings.parameter) ? 'maybe' : 'never',
    mayRepeat: false,
    first: { values: {} },
    next(current, { body, records }) {
      const cursor = read(body);
      if (isEnd(cursor)) return undefined;
      if (!isCursor(cursor)) throw notUsable(settings.next, cursor);
      // Some APIs give the cursor to go on from later: an empty page that gives the cursor it was asked with is the end.
      if (records.length === 0 && String(cursor) === cursorOf(current)) return undefined;
      return { values: { cursor } };
    },
  };
}

const isCursor = (value: unknown): value is Cursor =>
  typeof value === 'string' || typeof value === 'number' || value instanceof ExactNumber;

const cursorOf = (address: PageAddress): string | undefined =>
  'values' in address && address.values.cursor !== undefined ? String(address.values.cursor) : undefined;
