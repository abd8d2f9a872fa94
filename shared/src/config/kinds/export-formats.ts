import type { KindTable } from './table.js';

/** What an export writes. */
export const EXPORT_FORMATS = {
  parquet: { words: 'Parquet with types, compressed with zstd', settings: {} },
  csv: { words: 'CSV (RFC 4180), with formulas neutralised as sink.csv says', settings: {} },
  ndjson: { words: 'One JSON object on each line', settings: {} },
} as const satisfies KindTable;

export type ExportFormat = keyof typeof EXPORT_FORMATS;
