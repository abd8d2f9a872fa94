import { isMapping } from '@tributary/shared';
import type { Reader } from '../ask/reader.js';
import { carrierOf } from '../ask/settings.js';
import type { Settings } from '../guess.js';
import { OFFSETS, SIZES } from './names.js';

/** What APIs take without a word; larger pages cost fewer requests. */
const WANTED = 100;

/**
 * The settings with larger pages, if the API gives them: the parameter is known from the request or the next page's address, or one of the
 * usual ones is tried.
 * @param count records on the first page
 */
export async function tunedSize(
  settings: Settings,
  count: number,
  reader: Reader,
  place: ((given: Settings) => Settings) | undefined,
): Promise<Settings> {
  const { paging } = settings;
  if (!isMapping(paging) || carrierOf(settings) !== 'query' || count === 0) return settings;
  const { size, sizeParameter, parameter } = paging;
  if (typeof size === 'number' && size >= WANTED) return settings;
  const known = typeof sizeParameter === 'string' ? [sizeParameter] : usualFor(String(paging.type), String(parameter));
  for (const name of known) {
    if (reader.recorder.left <= 0) return settings;
    const larger = { ...settings, paging: { ...paging, sizeParameter: name, size: WANTED } };
    // Without a beginning, a text with {{since}} in it would be left out.
    const since =
      place === undefined
        ? undefined
        : isMapping(settings.incremental)
          ? String(settings.incremental.initial ?? '')
          : undefined;
    if (since !== undefined) return settings;
    const { pages, error } = await reader.read(larger, { pages: 1 });
    const got = pages[0]?.length ?? 0;
    if (error === undefined && got > count) return larger;
    if (error === undefined && got === count && typeof sizeParameter === 'string') return settings;
  }
  return settings;
}

const usualFor = (type: string, parameter: string): readonly string[] =>
  type === 'offset'
    ? (OFFSETS[parameter] ?? ['limit']).slice(0, 1)
    : type === 'page' || type === 'link'
      ? ['per_page', 'limit']
      : SIZES.slice(0, 1);
