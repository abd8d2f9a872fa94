import { isMapping } from '@tributary/shared';
import type { Reader } from '../ask/reader.js';
import { carrierOf, withParameters } from '../ask/settings.js';
import type { Settings } from '../guess.js';
import { findName, OFFSETS, USUAL_SIZES } from './names.js';

/** What APIs take without a word; larger pages cost fewer requests. */
const WANTED = 100;
/** How many parameters are tried alone, where the API refuses those that it does not know. */
const ONE_BY_ONE = 3;

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
  const { paging, query } = settings;
  if (!isMapping(paging) || carrierOf(settings) !== 'query' || count === 0) return settings;
  const { size, sizeParameter, parameter } = paging;
  if (typeof size === 'number' && size >= WANTED) return settings;
  // Without a beginning, a text with {{since}} in it would be left out.
  if (place !== undefined && isMapping(settings.incremental)) return settings;
  const larger = (name: string): Settings => ({
    ...settings,
    paging: { ...paging, sizeParameter: name, size: WANTED },
  });
  const grows = async (asked: Settings): Promise<boolean> => {
    const { pages, error } = await reader.read(asked, { pages: 1 });
    return error === undefined && (pages[0]?.length ?? 0) > count;
  };
  if (typeof sizeParameter === 'string') {
    if (await grows(larger(sizeParameter))) return larger(sizeParameter);
    // That of an offset is no more than usual, unless the request has it.
    if (paging.type !== 'offset') return settings;
  }
  const { sizeParameter: _none, size: _size, ...others } = paging;
  const bare = paging.type === 'offset' ? settings : { ...settings, paging: others };
  const isFree = (name: string) => name !== sizeParameter && name !== parameter && !(isMapping(query) && name in query);
  const likely = [...(OFFSETS[String(parameter)] ?? []).slice(0, 1), ...usualFor(String(paging.type))].filter(isFree);
  for (const name of new Set(likely)) if (await grows(larger(name))) return larger(name);
  const names = USUAL_SIZES.filter((name) => isFree(name) && !likely.includes(name));
  const all = (some: readonly string[]) =>
    grows(withParameters(bare, Object.fromEntries(some.map((name) => [name, WANTED]))));
  const name = (await findName(names, all)) ?? (reader.recorder.isRefused ? await oneOf(names, all) : undefined);
  // Where the requests ran out on the way, it is one of several, and which one is not known.
  return name !== undefined && (await grows(larger(name))) ? larger(name) : settings;
}

async function oneOf(
  names: readonly string[],
  works: (names: readonly string[]) => Promise<boolean>,
): Promise<string | undefined> {
  for (const name of names.slice(0, ONE_BY_ONE)) if (await works([name])) return name;
  return undefined;
}

const usualFor = (type: string): readonly string[] => (type === 'page' || type === 'link' ? ['per_page'] : ['limit']);
