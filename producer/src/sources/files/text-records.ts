import type { EndpointOf } from '@tributary/shared';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import { Unreadable } from '../port.js';
import { PIECE, RawBytes } from './bytes.js';
import { encodingOf, inUtf8, isWide, withLineFeeds } from './encodings.js';
import { readingOf } from './formats/detect.js';
import { type Batch, emptyBatch, type Framer, type Standing } from './formats/framer.js';
import { FileFault, FileGone, type OpenFile } from './places/place.js';
import { archiveKindOf, type Compression, compressionOf, UNPACK } from './unpack.js';

/** Records of one file, and where the reading stands behind them. */
export interface FileBatch extends Batch {
  /** From where a later run can go on; undefined if that is not behind the last record. */
  readonly standing: Standing | undefined;
  readonly unit: string;
}

/** What a file was found to be. */
export interface Opened {
  readonly columns: readonly string[] | undefined;
  readonly doubts: readonly string[];
  /** How much of the file was read so far, in bytes. */
  readBytes(): number;
  /** The SHA-256 of all its bytes; undefined if they were not all read. To be called once, at the end. */
  digest(): string | undefined;
  batches(): AsyncGenerator<FileBatch, void, undefined>;
  /** Gives back what reads it. To be called when it is needed no more; the file itself stays open. */
  close(): Promise<void>;
}

/**
 * Opens a file of text.
 * @param from where earlier runs stopped
 * @throws FileFault if it is not what the settings say
 */
export async function openText(
  opened: OpenFile,
  config: EndpointOf<'files'>,
  from: Standing | undefined,
  signal: AbortSignal,
): Promise<Opened> {
  const { name } = opened.file;
  const raw = await opened.read(0, PIECE, signal);
  const kind = archiveKindOf(raw);
  if (kind !== undefined) throw new FileFault('archive', `it is ${kind}: unpack it`);
  const compression = compressionOf(raw);
  const begin = await beginningOf(raw, compression, opened, signal);
  const { inFile, framed } = encodingOf(begin.bytes, config.encoding);
  const isAll = begin.isAll;
  const found = isWide(inFile)
    ? Buffer.from(new TextDecoder(inFile).decode(begin.bytes, { stream: !isAll }))
    : begin.bytes;
  // Otherwise all of the file would be one line, and its records names of columns.
  const isOfReturns = found.includes(0x0d) && !found.includes(0x0a);
  const head = isOfReturns ? Buffer.from(found.toString('latin1').replaceAll('\r', '\n'), 'latin1') : found;
  const reading = readingOf(name, head, isAll, framed, config);
  const framer = reading.framer(from);
  const start = framer.standing?.at ?? 0;
  // What is packed, or recoded, has no place for each of its bytes in the file: it is read from the beginning, up to where it stood.
  const isDirect = compression === 'none' && !isWide(inFile);
  const bytes = new RawBytes(opened, isDirect && from !== undefined ? start : 0, signal);
  const skipped = isDirect && from !== undefined ? 0 : start;
  const unpacked = UNPACK[compression](bytes);
  const recoded = isWide(inFile) ? inUtf8(unpacked, inFile) : unpacked;
  const text = isOfReturns ? withLineFeeds(recoded) : recoded;
  return {
    columns: reading.columns,
    doubts: isOfReturns ? [...reading.doubts, RETURNS] : reading.doubts,
    readBytes: () => bytes.end,
    digest: () => bytes.digest(),
    batches: () => framedIn(framer, behind(text, skipped), compression, config.chunk, signal),
    close: async () => {},
  };
}

const RETURNS = 'its lines end with a carriage return alone: each is read as the end of a line, also within quotes';

/** What the text of a file begins with, unpacked. */
async function beginningOf(raw: Buffer, compression: Compression, opened: OpenFile, signal: AbortSignal) {
  if (compression === 'none') return { bytes: raw, isAll: raw.length >= opened.file.size };
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of UNPACK[compression](new RawBytes(opened, 0, signal))) {
      pieces.push(piece);
      length += piece.length;
      if (length >= PIECE) return { bytes: Buffer.concat(pieces), isAll: false };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!isOfUnpacking(error)) throw error;
    if (length === 0) throw new FileFault('damaged', `its ${compression} data are damaged: ${describeError(error)}`);
    return { bytes: Buffer.concat(pieces), isAll: false };
  }
  return { bytes: Buffer.concat(pieces), isAll: true };
}

async function* behind(bytes: AsyncIterable<Buffer>, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const piece of bytes) {
    if (left >= piece.length) left -= piece.length;
    else {
      yield left === 0 ? piece : piece.subarray(left);
      left = 0;
    }
  }
}

/** Frames pieces until there are enough records for a batch. */
async function* framedIn(
  framer: Framer,
  bytes: AsyncIterable<Buffer>,
  compression: Compression,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<FileBatch, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let batch = emptyBatch();
  const full = () => {
    const given = { ...batch, standing: framer.standing, unit: framer.unit };
    batch = emptyBatch();
    return given;
  };
  try {
    for await (const piece of bytes) {
      const all = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      framer.load(all, false);
      while (framer.frame(batch, limit)) yield full();
      rest = all.subarray(framer.used);
    }
  } catch (error) {
    if (compression === 'none' || signal.aborted || !isOfUnpacking(error)) throw error;
    // What was unpacked before is good.
    const fault = `the ${compression} data of the file are damaged behind it, or end early: what follows is not read`;
    batch.records.push(new Unreadable(fault, describeError(error)));
    batch.numbers.push((framer.standing?.number ?? 0) + 1);
    yield { ...full(), standing: undefined };
    return;
  }
  framer.load(rest, true);
  while (framer.frame(batch, limit)) yield full();
  yield full();
}

/** What the decompressors throw; the system's errors name the call that failed. */
const isOfUnpacking = (error: unknown): boolean =>
  !(error instanceof RetryableError || error instanceof FatalError || error instanceof FileGone) &&
  error instanceof Error &&
  !('syscall' in error);
