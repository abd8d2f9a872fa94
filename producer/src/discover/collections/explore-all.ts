import { FatalError } from '@tributary/shared';
import type { Reader } from '../ask/reader.js';
import type { Draft, EndpointDraft, EntityDraft } from '../draft.js';
import { type ExploreOptions, explore } from '../explore.js';
import type { Settings } from '../guess.js';
import { mergesIn } from '../merges.js';
import type { Collection } from './index-of.js';
import { type Sibling, siblingOf } from './sibling.js';

type Found = Omit<Draft, 'secrets'>;

/**
 * Looks at the collections that an index names, one after the other: the first of them thoroughly, the others with what is left of the
 * requests, since what holds for one holds mostly for all.
 *
 * @param base the settings of the index: its credentials and headers belong to all
 * @throws FatalError if there are records in none of them
 */
export async function exploreAll(base: Settings, collections: readonly Collection[], reader: Reader): Promise<Found> {
  const entities: EntityDraft[] = [];
  const endpoints: EndpointDraft[] = [];
  const notes: string[] = [];
  let limits: Found['limits'];
  let sibling: Sibling | undefined;
  const waiting = [...collections];
  while (reader.recorder.left > 0) {
    const one = waiting.shift();
    if (one === undefined) break;
    // Each of the others shall have a request.
    reader.recorder.reserved = Math.min(waiting.length, reader.recorder.left - 1);
    const found = await attempt(base, one, reader, sibling);
    reader.recorder.reserved = 0;
    if (typeof found === 'string') {
      notes.push(found);
      continue;
    }
    const taken = found.entities.find(({ name }) => entities.some((other) => other.name === name));
    if (taken !== undefined) {
      notes.push(`left out: ${one.name}, whose records are called ${taken.name} like those of another address`);
      continue;
    }
    entities.push(...found.entities);
    endpoints.push(...found.endpoints);
    notes.push(...found.notes.filter((note) => !notes.includes(note)));
    limits ??= found.limits;
    const [endpoint] = found.endpoints;
    const version = versionOf(found.entities[0]);
    if (endpoint !== undefined && sibling?.paging === undefined) sibling = siblingOf(endpoint, version);
  }
  if (endpoints.length === 0)
    throw new FatalError(
      'records_none',
      `the answer names ${collections.length} collections, and there are records in none of them: ${notes.join('. ')}`,
    );
  const rest = [...(waiting.length === 0 ? [] : [unseen(waiting, reader.recorder.asked)])];
  return { title: String(base.url), entities, endpoints, limits, notes: [...notes, ...rest, ...mergesIn(entities)] };
}

const versionOf = (entity: EntityDraft | undefined): string | undefined =>
  entity?.columns.find(({ name }) => name === entity.version)?.path;

const SHOWN = 20;
const unseen = (waiting: readonly Collection[], asked: number): string => {
  const names = waiting.slice(0, SHOWN).map(({ name }) => name);
  const more = waiting.length > SHOWN ? ` and ${waiting.length - SHOWN} more` : '';
  return `not looked at after ${asked} requests: ${names.join(', ')}${more}; --requests allows more, or give the address of one`;
};

/** What is at the address of a collection; words if that is nothing. */
async function attempt(
  { headers, auth }: Settings,
  { name, url, within }: Collection,
  reader: Reader,
  sibling: Sibling | undefined,
): Promise<Found | string> {
  const common = { ...(headers === undefined ? {} : { headers }), ...(auth === undefined ? {} : { auth }) };
  const look = async (settings: Settings, options: ExploreOptions): Promise<Found> => {
    const found = await explore({ ...common, ...settings }, reader, { ...options, sibling });
    const [endpoint] = found.endpoints;
    if (endpoint?.settings.as === 'single' && found.endpoints.length === 1)
      throw new FatalError('records_none', 'the answer is one object');
    return found;
  };
  try {
    return await look({ url }, {});
  } catch (error) {
    if (!(error instanceof Error) || reader.isAborted) throw error;
    if (within === undefined) return `left out: ${name} (${url}): ${error.message}`;
    return await look({ url: within.url }, { name, items: within.items });
  }
}
