import { type EndpointOf, parseJson } from '@tributary/shared';
import { Unreadable } from '../../port.js';
import { digestOf } from '../bytes.js';
import type { Standing } from '../formats/framer.js';
import { FileFault, FileGone, type OpenFile } from '../places/place.js';
import type { FileBatch, Opened } from '../text-records.js';
import type { Answer, Asked, Needed } from './child.js';
import { giveBack, LIMITS, type ReaderLimits, takeReader } from './readers.js';
import type { Piece } from './rows.js';

/** Whether a file is Parquet, by its first bytes. */
export const isParquet = (head: Buffer): boolean => head.toString('latin1', 0, 4) === 'PAR1';

/**
 * Opens a Parquet file. It is read in a process of its own, with limits of memory and time: some hundred bytes can hold a value that is
 * repeated for ever, which ended the producer.
 * @param from the row where earlier runs stopped
 * @throws FileFault if it is not to be read; FileGone if its reader ended
 */
export async function openParquet(
  opened: OpenFile,
  { chunk, maxRecordSize }: Pick<EndpointOf<'files'>, 'chunk' | 'maxRecordSize'>,
  from: Standing | undefined,
  signal: AbortSignal,
  limits: ReaderLimits = LIMITS,
): Promise<Opened> {
  const { size } = opened.file;
  const reader = takeReader(limits.memory);
  let isBusy = false;
  let isClosed = false;
  const reads = new Set<Promise<unknown>>();
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    if (isBusy || !reader.isAlive) reader.kill();
    else giveBack(reader, limits.memory);
    // The file is closed only when nothing reads in it.
    await Promise.allSettled(reads);
  };
  const ask = async (asked: Asked): Promise<Exclude<Answer, { fault: string }>> => {
    isBusy = true;
    const serve = (said: unknown) => {
      if (!isNeeded(said)) return undefined;
      const { id, read } = said;
      const reading = opened.read(read.at, read.length, signal);
      reads.add(reading);
      return reading.finally(() => reads.delete(reading)).then((bytes) => ({ id, bytes }) satisfies Asked);
    };
    const answer = await reader.ask<Answer>(asked, { time: limits.time, signal, serve });
    if (answer === 'late' || answer === 'killed') throw new FileGone('reader_ended', ENDED[answer](limits));
    if (answer === 'spent')
      throw new FileFault('too_large', `reading it takes more than ${limits.memory} MB of memory: ${WRITE_ANEW}`);
    isBusy = false;
    if (!('fault' in answer)) return answer;
    throw new FileFault('not_parquet', `it is no whole Parquet file, or one that cannot be read: ${answer.fault}`);
  };
  const next = async (): Promise<Piece | undefined> => {
    const answer = await ask({ next: true });
    return 'piece' in answer ? answer.piece : undefined;
  };
  const opening = ask({ open: { size, from: from?.at ?? 0, chunk, maxRecordSize } });
  const answer = await opening.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  if (!('found' in answer)) throw new Error('the process that reads Parquet files answers something else');
  const { columns, doubts, rows, hasJson } = answer.found;
  let reached = from?.at ?? 0;
  let digest: string | undefined;
  async function* batches(): AsyncGenerator<FileBatch, void, undefined> {
    let coming = next();
    for (;;) {
      // The piece behind it is read while this one is worked on.
      const piece = await coming;
      if (piece === undefined) break;
      coming = next();
      // It is awaited only later. Without a handler Node would report an unhandled rejection.
      coming.catch(() => {});
      const records = recordsOf(piece, hasJson);
      const numbers = records.map((_, index) => piece.at - records.length + index + 1);
      reached = piece.at;
      yield { records, numbers, standing: { at: piece.at, number: piece.at }, unit: 'row' };
    }
    digest = await digestOf(opened, signal);
  }
  // By its share of the rows: a group of them is read at once.
  const readBytes = () => Math.round((size * reached) / Math.max(1, rows));
  return { columns, doubts, readBytes, digest: () => digest, batches, close };
}

const WRITE_ANEW =
  'write it with smaller groups of rows, or give the producer more memory (NODE_OPTIONS=--max-old-space-size)';

const ENDED = {
  late: ({ time }: ReaderLimits) =>
    `the process that reads it did not come on within ${time / 1_000} s; the next poll tries again`,
  killed: () =>
    'the process that reads it was ended from outside, perhaps by the system for lack of memory; the next poll tries again',
} as const;

const isNeeded = (said: unknown): said is Needed => typeof said === 'object' && said !== null && 'read' in said;

/** @param hasJson as of Found: looking for such numbers takes long where doubles have all their digits */
function recordsOf({ json, bad }: Piece, hasJson: boolean): unknown[] {
  const records = (hasJson ? parseJson(json) : JSON.parse(json)) as unknown[];
  for (const [index, fault, text] of bad) records[index] = new Unreadable(fault, text);
  return records;
}
