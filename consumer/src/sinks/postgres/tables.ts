import { type Dataset, FatalError, type FieldType } from '@tributary/shared';
import { escapeIdentifier } from 'pg';

/** A column of a table as it must be. */
export interface Column {
  readonly name: string;
  /** As Postgres names it (format_type). */
  readonly type: string;
  /** What stands behind the type in CREATE TABLE. */
  readonly constraint: string;
  /** The type in pipeline.yaml; undefined for Tributary's own columns. */
  readonly field: FieldType | undefined;
  /** Of one of Tributary's own columns that is added to a table that lacks it. All others are there, or the table is not Tributary's. */
  readonly comment?: string;
}

export interface Table {
  readonly name: string;
  /** With its schema, quoted. */
  readonly sql: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key. */
  readonly key: readonly string[];
}

/** Where the rows of one dataset lie. */
export interface DatasetTables {
  readonly dataset: Dataset;
  /** The newest content of each key. */
  readonly rows: Table;
  /** The keys that were closed, with their orders: a late older row must not bring them back. */
  readonly tombstones: Table;
  /** Every accepted row, if the pipeline keeps them. */
  readonly history: Table | undefined;
  /** Whether the rows of closed keys stay, with `_deleted`. The tombstones decide: such a row has the order of its tombstone. */
  readonly keepsDeleted: boolean;
}

/** A condition: a row is not that of a closed key. @param alias the name of the table of rows in the statement */
export const isLive = ({ keepsDeleted }: Pick<DatasetTables, 'keepsDeleted'>, alias: string): string =>
  keepsDeleted ? `${alias}._deleted IS NOT TRUE` : 'true';

/** Those that are there. */
export const tablesIn = ({ rows, tombstones, history }: DatasetTables): Table[] =>
  history === undefined ? [rows, tombstones] : [rows, tombstones, history];

/** All tables of a pipeline. */
export interface PostgresTables {
  readonly schema: string;
  readonly datasets: ReadonlyMap<string, DatasetTables>;
  /** For each pipeline: what names the stored data, and the epoch that writers must belong to. */
  readonly meta: Table;
  /** The writers of the present epoch, and which of them may write no more. */
  readonly writers: Table;
  /** The number of writes of each writer to each dataset, and those of all earlier writers together. */
  readonly marks: Table;
  /** The keys that were erased, and may not come back; with what is still to be done. It is made when the first is. */
  readonly erased: Table;
}

const TYPES: Readonly<Record<FieldType, string>> = {
  string: 'text',
  integer: 'bigint',
  number: 'double precision',
  decimal: 'numeric',
  boolean: 'boolean',
  datetime: 'timestamp with time zone',
  date: 'date',
  json: 'jsonb',
  list: 'jsonb',
};

const own = (name: string, type = 'text', constraint = 'NOT NULL'): Column => ({
  name,
  type,
  constraint,
  field: undefined,
});

/** Keys and orders are compared byte by byte, as in the ledger; the sort order of a language would make another row the newer. */
const BYTEWISE = 'COLLATE "C" NOT NULL';

/** Typed like a field, so that it is added to tables of an earlier version, which lack it. */
const WITNESSES: Column = { name: 'witnesses', type: TYPES.json, constraint: '', field: 'json' };

/** As {@link WITNESSES}. See output-format.ts. */
export const FORMAT: Column = { name: 'format', type: TYPES.integer, constraint: '', field: 'integer' };

const SYSTEM: readonly Column[] = [
  own('_key', 'text', BYTEWISE),
  own('_hash'),
  own('_version'),
  own('_message_id'),
  own('_order', 'text', BYTEWISE),
  own('_written_at', TYPES.datetime),
];

/** Tells the column from one of the same name that a person added. It does not begin as the comments of fields do (schema.ts). */
export const DELETED_COMMENT = 'Made by Tributary: true in the row of a deleted record, which is kept';

/** It has a default, so that it does not stand in the way of a consumer that knows nothing of it. */
const DELETED: Column = { ...own('_deleted', 'boolean', 'NOT NULL DEFAULT false'), comment: DELETED_COMMENT };

export interface TableSettings {
  readonly schema: string;
  /** Whether every accepted row is kept in `<dataset>_history` too. */
  readonly history: boolean;
  /** What becomes of the row of a closed key. */
  readonly deletes: 'remove' | 'keep';
}

/** @throws FatalError for a name that Postgres cannot hold, or that two tables would share */
export function tablesOf(settings: TableSettings, datasets: readonly Dataset[]): PostgresTables {
  const { schema, history } = settings;
  const keepsDeleted = settings.deletes === 'keep';
  const names = new Set<string>();
  const table = (name: string, columns: readonly Column[], key: readonly string[] = ['_key']): Table => {
    checkName('dataset', name);
    if (names.has(name)) {
      throw new FatalError('postgres_name', `two tables would be named "${name}": rename one of the datasets`);
    }
    names.add(name);
    return { name, sql: `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`, columns, key };
  };
  return {
    schema,
    meta: table(
      'tributary_meta',
      [own('pipeline'), own('sink_id'), own('epoch', 'text', ''), own('probed_at', TYPES.datetime, ''), FORMAT],
      ['pipeline'],
    ),
    writers: table(
      'tributary_writers',
      [own('writer'), own('pipeline'), own('fenced', 'boolean'), own('began_at', TYPES.datetime)],
      ['writer'],
    ),
    marks: table(
      'tributary_marks',
      [own('pipeline'), own('writer'), own('dataset'), own('epoch'), own('mark', 'bigint'), WITNESSES],
      ['pipeline', 'writer', 'dataset'],
    ),
    erased: table(
      'tributary_erased',
      [own('pipeline'), own('hash'), own('note'), own('todo', 'text', '')],
      ['pipeline', 'hash'],
    ),
    datasets: new Map(
      datasets.map((dataset) => {
        const { name } = dataset;
        const columns = [...columnsOf(dataset), ...SYSTEM];
        const past = [...columns, own('_deleted', 'boolean')];
        const tables: DatasetTables = {
          dataset,
          rows: table(name, keepsDeleted ? [...columns, DELETED] : columns),
          tombstones: table(`${name}_tombstones`, SYSTEM),
          history: history ? table(`${name}_history`, past, ['_key', '_message_id', '_hash']) : undefined,
          keepsDeleted,
        };
        return [name, tables] as const;
      }),
    ),
  };
}

function columnsOf(dataset: Dataset): Column[] {
  return Object.entries(dataset.columns).map(([name, field]) => {
    checkName(`a field of dataset ${dataset.name}`, name);
    return { name, type: TYPES[field.type], constraint: '', field: field.type };
  });
}

/** Bytes. Postgres cuts a longer name off without an error, and two fields might share a column. */
const LONGEST_NAME = 63;

/** Names of columns that every table of Postgres has (manual, "System Columns"). */
const TAKEN = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

function checkName(what: string, name: string): void {
  if (Buffer.byteLength(name) > LONGEST_NAME || name.includes('\0') || !name.isWellFormed()) {
    const message = `Postgres cannot name ${what} "${name}": it takes ${LONGEST_NAME} bytes of UTF-8 and no NUL`;
    throw new FatalError('postgres_name', message);
  }
  if (TAKEN.has(name)) {
    throw new FatalError(
      'postgres_name',
      `Postgres reserves the name "${name}" for itself: it cannot be the name of ${what}`,
    );
  }
}
