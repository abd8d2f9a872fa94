import { filesSettings } from './files.js';
import { postgresChangesSettings } from './postgres-changes.js';
import { programSettings } from './program.js';
import { restSettings } from './rest.js';
import { sqlSettings } from './sql.js';
import type { KindTable } from './table.js';
import { webhookSettings } from './webhook.js';

/** The kinds of places that an endpoint reads. */
export const SOURCES = {
  rest: { words: 'A REST API', settings: restSettings },
  sql: {
    words: 'A table or a query of a database: Postgres, MySQL, MariaDB, SQLite, Oracle, or one behind ODBC',
    settings: sqlSettings,
  },
  webhook: { words: 'Nothing is asked: a service sends its events to `POST /hooks/ID`', settings: webhookSettings },
  files: { words: 'Files of a folder or of S3: CSV, JSON, NDJSON, Parquet', settings: filesSettings },
  'postgres-changes': {
    words: 'The changes of a table of Postgres, as they happen (logical replication)',
    settings: postgresChangesSettings,
  },
  program: {
    words: 'A source of the program that holds the pipeline (see the library, `createPipeline`)',
    settings: programSettings,
  },
} as const satisfies KindTable;

/** The source of an endpoint that does not name one. */
export const USUAL_SOURCE = 'rest';

export type SourceKind = keyof typeof SOURCES;
