import type { Clock, EndpointOf } from '@tributary/shared';
import type { Page, Place } from '../port.js';
import type { Archive } from './archive.js';
import { ArchivedPlace } from './archived-place.js';
import { KnownFiles } from './known.js';
import { byTime } from './order.js';
import type { FilePlace, FoundFile } from './places/place.js';
import { Run } from './run.js';
import type { Telling } from './telling.js';

export interface GoneOptions {
  readonly config: EndpointOf<'files'>;
  readonly place: FilePlace;
  readonly archive: Archive | undefined;
  readonly clock: Clock;
  readonly telling: Telling;
  /** Reads a file where it is now. @param before a run of its own, in which no file is known */
  read(place: Pick<FilePlace, 'open'>, file: FoundFile, before: Run): AsyncGenerator<Page, void, undefined>;
}

/**
 * For a poll of everything: what was moved away is read again where it is now; what the broker may have lost, and is not there any more, is
 * read in the archive. No place is given before all of it is.
 */
export async function* readGone(
  run: Run,
  lost: Place | undefined,
  { config, place, archive, clock, telling, read }: GoneOptions,
  signal: AbortSignal,
): AsyncGenerator<Page, void, undefined> {
  const { deletes, newest, marker, append } = config;
  const before = new Run(new KnownFiles(undefined), clock);
  async function* past(from: Pick<FilePlace, 'open'>, file: FoundFile): AsyncGenerator<Page, void, undefined> {
    for await (const page of read(from, file, before)) yield { ...page, place: undefined };
  }
  const moved = await place.moved(signal);
  const files = moved === undefined ? [] : (await telling.list(moved, signal)).files;
  // Where each file holds everything, one that is gone counts no more.
  if (lost !== undefined && archive !== undefined && deletes?.missing !== true && !newest) {
    const { files: there } = await telling.list(place, signal);
    const names = new Set(there.map(({ name }) => name));
    const known = new KnownFiles(lost);
    const copies = new ArchivedPlace(archive, known.archived(), there, files);
    const tail = append ? ', which lacks what was appended after its first poll,' : '';
    for (const file of copies.files) {
      const told = `RabbitMQ may have lost records of it, and it is gone or another by now: its copy in the archive${tail} is read`;
      telling.news(file.name, told);
      yield* past(copies, file);
      const state = known.get(file.name);
      // It stays known: the broker may lose it once more.
      if (state !== undefined && !names.has(file.name)) run.known.set({ ...state, done: true });
    }
  }
  for (const file of files.toSorted(byTime)) {
    if (moved === undefined || (marker !== undefined && isMarker(file.name, marker))) continue;
    yield* past(moved, file);
  }
  run.inputs.push(...before.inputs);
  run.hasRead ||= before.hasRead;
}

/** Of two markers of one name, the second has a number behind it where they were moved to. */
const isMarker = (name: string, marker: string): boolean => name.replace(/\.\d+$/, '').endsWith(marker);
