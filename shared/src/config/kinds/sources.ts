import { restSettings } from './rest.js';
import type { KindTable } from './table.js';

/** The kinds of places that an endpoint reads. */
export const SOURCES = {
  rest: { words: 'A REST API', settings: restSettings },
} as const satisfies KindTable;

/** The source of an endpoint that does not name one. */
export const USUAL_SOURCE = 'rest';

export type SourceKind = keyof typeof SOURCES;
