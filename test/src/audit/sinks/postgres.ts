import {
  canonicalInteger,
  connectToPrimary,
  type Dataset,
  type Field,
  nameOfServers,
  parseJson,
  postgresServers,
  type SinkConfig,
} from '@tributary/shared';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import type { StoredRow, StoredRows } from './port.js';

const ROWS_PER_FETCH = 2_000;

const SYSTEM = ['_key', '_hash', '_version', '_message_id', '_order', '_deleted', '_written_at'];

/**
 * The tables of a Postgres output: `<dataset>` with the newest row of each key, `<dataset>_tombstones` with the keys that
 * are closed (whose rows may be kept in `<dataset>`, marked), and `<dataset>_history` if the pipeline keeps one. All of it is read as of one moment.
 *
 * @throws Error naming the server if it cannot be reached
 */
export async function postgresRows(config: SinkConfig['postgres'], url: string): Promise<StoredRows> {
  const servers = postgresServers(url);
  const make = (connectionString: string) =>
    new Client({ connectionString, fallback_application_name: 'tributary audit' });
  // Of several servers, only the primary has all rows for sure.
  const client = await connectToPrimary(servers, make).catch((cause: unknown) => {
    throw new Error(`Postgres at ${nameOfServers(servers)} cannot be read`, { cause });
  });
  await client.query("SET timezone = 'UTC'; SET extra_float_digits = 1");
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const table = (name: string) => `${escapeIdentifier(config.schema)}.${escapeIdentifier(name)}`;
  const read = (name: string, dataset: Dataset, deleted?: boolean, where = 'true') =>
    readTable(client, `${table(name)} r WHERE ${where}`, dataset, (json, decimals) =>
      readRow({ json, decimals, source: name, dataset, deleted }),
    );
  // Rows of deleted records that are kept are no rows of the state.
  const isLive = config.deletes === 'keep' ? 'r._deleted IS NOT TRUE' : 'true';

  return {
    async *rows(dataset) {
      const { name } = dataset;
      yield* read(name, dataset, false, isLive);
      yield* read(`${name}_tombstones`, dataset, true);
      const { rows: twice } = await client.query<{ _key: string; extra: number }>(
        `SELECT _key, count(*)::int - 1 AS extra
           FROM (SELECT _key FROM ${table(name)} r WHERE ${isLive} UNION ALL SELECT _key FROM ${table(`${name}_tombstones`)}) AS keys
          GROUP BY _key HAVING count(*) > 1`,
      );
      for (const { _key: key, extra } of twice) {
        const what = `${key} has ${extra + 1} rows in ${name} and ${name}_tombstones`;
        for (let row = 0; row < extra; row++) yield { flaw: 'duplicated', what } as const;
      }
      if (config.deletes !== 'keep') return;
      const { rows: unfounded } = await client.query<{ _key: string }>(
        `SELECT _key FROM ${table(name)} r WHERE r._deleted IS DISTINCT FROM false
            AND NOT EXISTS (SELECT FROM ${table(`${name}_tombstones`)} t WHERE t._key = r._key AND t._order = r._order AND t._hash = r._hash)`,
      );
      for (const { _key: key } of unfounded)
        yield { flaw: 'torn', what: `${key} is marked as deleted in ${name}, and no tombstone says so` } as const;
    },
    ...(config.history ? { past: (dataset: Dataset) => read(`${dataset.name}_history`, dataset) } : {}),
    close: () => client.end(),
  };
}

async function* readTable(
  client: Client,
  from: string,
  { columns }: Dataset,
  map: (json: string, decimals: Decimals) => StoredRow,
): AsyncGenerator<StoredRow> {
  // JSON's numbers have no zeros at their end: 19.90 is another content than 19.9. A table may lack a column.
  const decimals = Object.keys(columns).filter((name) => columns[name]?.type === 'decimal');
  const texts = decimals.map((name) => `to_jsonb(r)->>${escapeLiteral(name)}`).join(', ');
  await client.query(
    `DECLARE stored NO SCROLL CURSOR FOR
       SELECT row_to_json(r)::text AS json, ARRAY[${texts}]::text[] AS decimals FROM ${from}`,
  );
  for (;;) {
    const { rows } = await client.query<{ json: string; decimals: (string | null)[] }>(
      `FETCH ${ROWS_PER_FETCH} FROM stored`,
    );
    for (const row of rows) yield map(row.json, new Map(decimals.map((name, index) => [name, row.decimals[index]])));
    if (rows.length < ROWS_PER_FETCH) break;
  }
  await client.query('CLOSE stored');
}

/** The decimals of a row as text, by column. */
type Decimals = ReadonlyMap<string, string | null | undefined>;

interface FoundRow {
  readonly json: string;
  readonly decimals: Decimals;
  readonly source: string;
  readonly dataset: Dataset;
  /** Whether the table holds tombstones; undefined if each row says so itself. */
  readonly deleted: boolean | undefined;
}

function readRow({ json, decimals, source, dataset, deleted }: FoundRow): StoredRow {
  const row = parseJson(json) as Record<string, unknown>;
  const text = (column: string) => String(row[column]);
  const values: Record<string, unknown> = {};
  let isKnown = true;
  for (const [column, value] of Object.entries(row)) {
    if (value === null || SYSTEM.includes(column)) continue;
    const field = dataset.columns[column];
    if (field === undefined) isKnown = false;
    else values[column] = decimals.get(column) ?? readValue(value, field);
  }
  const isTombstone = deleted ?? row._deleted === true;
  const order = dataset.orderOf(text('_version'), text('_message_id'));
  const faults = [
    ...(row._order === order ? [] : [`its _order is not ${JSON.stringify(order)}`]),
    ...(isTombstone && Object.keys(values).length > 0 ? ['a tombstone with values'] : []),
  ];
  return {
    key: text('_key'),
    hash: text('_hash'),
    version: text('_version'),
    messageId: text('_message_id'),
    deleted: isTombstone,
    values: isKnown ? values : undefined,
    fault: faults[0],
    source,
    line: 0,
  };
}

/** JSON holds times as 2026-01-01T00:00:00.123456+00:00, with as many digits as they need; hashed were at least three. */
function readValue(value: unknown, { type }: Field): unknown {
  if (type === 'integer') return canonicalInteger(String(value));
  if (type !== 'datetime') return value;
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?\+00:00$/.exec(value as string) ?? [];
  return `${seconds}.${fraction.padEnd(3, '0')}Z`;
}
