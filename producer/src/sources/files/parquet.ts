import { describeError, type EndpointOf, FatalError, RetryableError } from '@tributary/shared';
import { digestOf } from './bytes.js';
import type { Standing } from './formats/framer.js';
import { FileFault, FileGone, type OpenFile } from './places/place.js';
import type { FileBatch, Opened } from './text-records.js';

/** Whether a file is Parquet, by its first bytes. */
export const isParquet = (head: Buffer): boolean => head.toString('latin1', 0, 4) === 'PAR1';

/**
 * Opens a Parquet file. Its rows are read by groups, as it was written: a group has to fit into the memory.
 * @param from the row where earlier runs stopped
 */
export async function openParquet(
  opened: OpenFile,
  { chunk }: EndpointOf<'files'>,
  from: Standing | undefined,
  signal: AbortSignal,
): Promise<Opened> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const file = {
    byteLength: opened.file.size,
    async slice(start: number, end = opened.file.size): Promise<ArrayBuffer> {
      const bytes = await opened.read(start, end - start, signal);
      return new Uint8Array(bytes).buffer;
    },
  };
  const wrong = (error: unknown): Error => {
    signal.throwIfAborted();
    if (error instanceof FileGone || error instanceof RetryableError || error instanceof FatalError) return error;
    return new FileFault(
      'not_parquet',
      `it is no whole Parquet file, or one that cannot be read: ${describeError(error)}`,
    );
  };
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => Promise.reject(wrong(error)));
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  const rows = Number(metadata.num_rows);
  let digest: string | undefined;
  async function* batches(): AsyncGenerator<FileBatch, void, undefined> {
    for (let at = from?.at ?? 0; at < rows; at += chunk) {
      const end = Math.min(rows, at + chunk);
      const found = await parquetReadObjects({ file, metadata, compressors, rowStart: at, rowEnd: end }).catch(
        (error: unknown) => Promise.reject(wrong(error)),
      );
      const records = found.map((row) => plain(row));
      const numbers = records.map((_, index) => at + index + 1);
      yield { records, numbers, standing: { at: end, number: end }, unit: 'row' };
    }
    digest = await digestOf(opened, signal);
  }
  return { columns, doubts: [], digest: () => digest, batches };
}

/** A value as JSON has it: whole numbers as text where a double cannot hold them, times in ISO 8601, bytes in base64. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}
