import { hasOwnOrder, isMapping } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { EndpointState, StateStore } from '../schedule/states.js';
import { type Cursor, type CursorStore, decode, encode } from './cursor.js';
import type { KnownKey, KnownKeys } from './known-keys.js';

/** The marks of a pipeline as they are kept in a file, where no Redis outlives the process. */
export interface SavedMarks {
  /** No later run may begin before it, in milliseconds since the epoch: a later poll must look later. */
  readonly time: number;
  /**
   * By endpoint: its mark, and the settings that it was reached with. Beside it, under a name of their own, the keys that it has
   * brought, if it deletes what is missing.
   */
  readonly endpoints: Readonly<Record<string, string>>;
  /** By endpoint whose API asked not to be asked before some time: how its polls stand. */
  readonly paused?: Readonly<Record<string, EndpointState>>;
}

/** What outlives a run, and is to outlive the process. */
export interface KeptByRuns {
  readonly cursors: CursorStore;
  readonly known: KnownKeys;
  readonly states: StateStore;
}

/**
 * The marks that have been reached. Validators are not among them: they hold addresses of pages, which are no business of
 * whoever may read the folder.
 */
export async function takeMarks(
  endpoints: readonly Endpoint[],
  { cursors, known, states }: KeptByRuns,
  time: number,
): Promise<SavedMarks> {
  const marks: Record<string, string> = {};
  const paused: Record<string, EndpointState> = {};
  for (const endpoint of endpoints) {
    const cursor = await cursors.peek(endpoint);
    if (saysHowFar(cursor)) marks[endpoint.id] = encode({ ...cursor, validators: [] }, endpoint);
    const state = await states.load(endpoint);
    if (state?.notBefore !== undefined && state.notBefore > time) paused[endpoint.id] = state;
  }
  for (const endpoint of watched(endpoints)) {
    const keys: SavedKey[] = [];
    const opened = known.open(endpoint.id, 0, endpoint.keyKind);
    await opened.begin();
    for await (const batch of opened.all()) for (const one of batch) keys.push(written(one));
    if (keys.length > 0) marks[nameOfKeys(endpoint)] = JSON.stringify({ kind: endpoint.keyKind, keys });
  }
  return { time, endpoints: marks, ...(Object.keys(paused).length === 0 ? {} : { paused }) };
}

/** Goes on from marks that were saved. A mark that was reached with other settings counts as none. */
export async function restoreMarks(
  endpoints: readonly Endpoint[],
  { cursors, known, states }: KeptByRuns,
  saved: SavedMarks,
): Promise<void> {
  const { endpoints: marks, time } = saved;
  const textOf = (name: string) => (Object.hasOwn(marks, name) ? marks[name] : undefined);
  for (const endpoint of endpoints) {
    const state = saved.paused?.[endpoint.id];
    if (state !== undefined) await states.save(endpoint, state);
    const text = textOf(endpoint.id);
    const cursor = text === undefined ? undefined : decode(text, endpoint);
    if (cursor === undefined || !saysHowFar(cursor) || sharesKeys(endpoint)) continue;
    await cursors.begin(endpoint, time);
    const { place } = cursor;
    // See ChangesPlace.
    const outlived = place !== undefined && hasOwnOrder(endpoint.config) ? { place: { ...place, outlived: true } } : {};
    await cursors.save(endpoint, { ...cursor, ...outlived, validators: [] });
  }
  for (const endpoint of watched(endpoints)) {
    const keys = known.open(endpoint.id, 0, endpoint.keyKind);
    await keys.begin();
    const brought = readKeys(textOf(nameOfKeys(endpoint)), endpoint.keyKind);
    for (let from = 0; from < brought.length; from += AT_ONCE) await keys.note(brought.slice(from, from + AT_ONCE));
  }
}

/**
 * Whether several followed tables bring one entity. Only a copy shows again which of them has a key: what the output tells is true of all of them
 * together, so that the end of a row in one of them would be no end while another seems to have it.
 */
function sharesKeys({ config, entity, members }: Endpoint): boolean {
  if (!hasOwnOrder(config)) return false;
  const names = [entity, ...members.map((one) => one.entity)].map(({ name }) => name);
  return new Set(names).size < names.length;
}

const saysHowFar = ({ mark, place, backfill, answered }: Cursor): boolean =>
  mark !== undefined || place !== undefined || backfill !== undefined || answered !== undefined;

/** How many keys are noted together. */
const AT_ONCE = 500;

/** No endpoint has a blank in its name. */
const nameOfKeys = ({ id }: Endpoint): string => `${id} keys`;

/** The endpoints that delete what is missing, also those that are polled for the records of others. */
const watched = (endpoints: readonly Endpoint[]): Endpoint[] =>
  endpoints.flatMap((endpoint) => [
    ...(endpoint.config.deletes?.missing === true ? [endpoint] : []),
    ...watched(endpoint.children),
  ]);

type SavedKey = readonly [key: string, version: string, mark?: 'marked'];

const written = ({ key, version, isMarked }: KnownKey): SavedKey =>
  isMarked ? [key, version, 'marked'] : [key, version];

function readKeys(text: string | undefined, kind: string): KnownKey[] {
  let saved: unknown;
  try {
    saved = JSON.parse(text ?? 'null');
  } catch {
    return [];
  }
  if (!isMapping(saved) || saved.kind !== kind || !Array.isArray(saved.keys)) return [];
  return saved.keys.filter(isSavedKey).map(([key, version, mark]) => ({ key, version, isMarked: mark === 'marked' }));
}

const isSavedKey = (value: unknown): value is SavedKey =>
  Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string';
