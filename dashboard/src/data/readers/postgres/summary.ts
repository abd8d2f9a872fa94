import type { Clock, Dataset } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { DatasetSummary } from '../port.js';
import type { ReadDatabase } from './database.js';
import { rowsThat } from './kept-deleted.js';

export interface SummaryOptions {
  readonly dataset: Dataset;
  readonly keyColumn: string;
  readonly schema: string;
  /** Whether every accepted row is kept, in a table of its own. */
  readonly history: boolean;
  readonly database: ReadDatabase;
  readonly clock: Clock;
}

/** Minutes of activity that a summary shows. */
const MINUTES = 60;

export function emptySummary(dataset: Dataset, keyColumn: string): DatasetSummary {
  return {
    name: dataset.name,
    entity: dataset.entity ?? null,
    groups: dataset.groups ?? null,
    key: keyColumn,
    rows: 0,
    keys: 0,
    bytes: 0,
    parts: 0,
    lastWrittenAt: null,
    activity: new Array<number>(MINUTES).fill(0),
    revision: '0',
    indexing: null,
    problems: [],
  };
}

interface Counted {
  readonly keys: string;
  readonly rows: string;
  readonly bytes: string;
  readonly last: Date | null;
  readonly activity: Readonly<Record<string, number>> | null;
}

/** Counts a dataset. @throws MissingTableError if nothing was written yet */
export async function readSummary(options: SummaryOptions): Promise<DatasetSummary> {
  const { dataset, keyColumn, schema, history, database, clock } = options;
  const table = (suffix: string) => `${escapeIdentifier(schema)}.${escapeIdentifier(`${dataset.name}${suffix}`)}`;
  const [live, tombstones, past] = [table(''), table('_tombstones'), table('_history')];
  const rows = `${rowsThat('IS NOT TRUE', live)} AS live`;
  const written = history
    ? `SELECT _written_at FROM ${past}`
    : `SELECT _written_at FROM ${rows} UNION ALL SELECT _written_at FROM ${tombstones}`;
  const size = (name: string) => `pg_total_relation_size(to_regclass('${name.replaceAll("'", "''")}'))`;
  const sizes = [live, tombstones, ...(history ? [past] : [])].map(size).join(' + ');
  const now = new Date(clock.now()).toISOString();
  const [counted] = await database.query<Counted>(
    // Postgres holds times that no Date of JavaScript does, such as `infinity`: one of them made every answer about its dataset fail.
    `WITH written AS (${written}), recent AS (
       SELECT GREATEST(0, floor(extract(epoch FROM date_trunc('minute', $1::timestamptz) - date_trunc('minute', _written_at)) / 60))::int AS age,
              count(*)::int AS rows
         FROM written WHERE _written_at > $1::timestamptz - interval '${MINUTES} minutes' AND isfinite(_written_at) GROUP BY 1)
     SELECT (SELECT count(*) FROM ${rows}) AS keys, (SELECT count(*) FROM written) AS rows, ${sizes} AS bytes,
            (SELECT max(_written_at) FROM written WHERE _written_at BETWEEN '0001-01-01T00:00:00Z' AND '9999-12-31T23:59:59.999999Z') AS last,
            (SELECT jsonb_object_agg(age, rows) FROM recent) AS activity`,
    [now],
  );
  const { keys = '0', rows: all = '0', bytes = '0', last = null, activity = null } = counted ?? {};
  const lastWrittenAt = last === null ? null : last.toISOString();
  return {
    ...emptySummary(dataset, keyColumn),
    keys: Number(keys),
    rows: Number(all),
    bytes: Number(bytes),
    parts: history ? 3 : 2,
    lastWrittenAt,
    activity: Array.from({ length: MINUTES }, (_, minute) => activity?.[String(MINUTES - 1 - minute)] ?? 0),
    revision: `${all}.${keys}.${lastWrittenAt ?? ''}`,
  };
}
