import type { Endpoint } from '../endpoint.js';
import { type Cursor, type CursorStore, decode, encode } from './cursor.js';

/** The marks of a pipeline as they are kept in a file, where no Redis outlives the process. */
export interface SavedMarks {
  /** No later run may begin before it, in milliseconds since the epoch: a later poll must look later. */
  readonly time: number;
  /** By endpoint: its mark, and the settings that it was reached with. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/**
 * The marks that have been reached. Validators are not among them: they hold addresses of pages, which are no business of
 * whoever may read the folder.
 */
export async function takeMarks(
  endpoints: readonly Endpoint[],
  cursors: CursorStore,
  time: number,
): Promise<SavedMarks> {
  const marks: Record<string, string> = {};
  for (const endpoint of endpoints) {
    const cursor = await cursors.peek(endpoint);
    if (saysHowFar(cursor)) marks[endpoint.id] = encode({ ...cursor, validators: [] }, endpoint);
  }
  return { time, endpoints: marks };
}

/** Goes on from marks that were saved. A mark that was reached with other settings counts as none. */
export async function restoreMarks(
  endpoints: readonly Endpoint[],
  cursors: CursorStore,
  saved: SavedMarks,
): Promise<void> {
  for (const endpoint of endpoints) {
    const text = Object.hasOwn(saved.endpoints, endpoint.id) ? saved.endpoints[endpoint.id] : undefined;
    const cursor = text === undefined ? undefined : decode(text, endpoint);
    if (cursor === undefined || !saysHowFar(cursor)) continue;
    await cursors.begin(endpoint, saved.time);
    await cursors.save(endpoint, { ...cursor, validators: [] });
  }
}

const saysHowFar = ({ mark, backfill }: Cursor): boolean => mark !== undefined || backfill !== undefined;
