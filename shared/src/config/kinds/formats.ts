import { type KindTable, nameSchema } from './table.js';

/** What the body of an answer is. */
export const FORMATS = {
  json: { words: 'One JSON document; `items` says where its records lie', settings: {} },
  ndjson: { words: 'One JSON record on each line (application/x-ndjson); `items` is not used', settings: {} },
} as const satisfies KindTable;

export const formatSchema = nameSchema(FORMATS);

export type FormatKind = keyof typeof FORMATS;
