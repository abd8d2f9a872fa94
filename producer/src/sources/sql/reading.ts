import { columnOf, expectedOneOf, FatalError, type Field, keyFieldsOf } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import type { Dialect, Placed, ResultColumn, Sorting, TableDescription } from './database.js';
import { ALIAS, Keyset, type OrderColumn } from './keyset.js';
import type { Origin } from './query.js';
import { sinceWriter } from './since.js';
import type { Statements } from './statements.js';

/** How the rows of an endpoint are read, from what the database says of their columns. */
export interface Reading {
  readonly columns: readonly ResultColumn[];
  /** As the database describes it; undefined for a query. */
  readonly table: TableDescription | undefined;
  readonly keyset: Keyset;
  /** The version if there is one, the key, and what tells rows apart that the database takes for equal. */
  readonly order: readonly OrderColumn[];
  /** How the version of a mark is compared; undefined for an endpoint that is not incremental. */
  readonly since: ((since: string) => Placed) | undefined;
}

interface ReadingOptions {
  readonly dialect: Dialect;
  readonly statements: Statements;
  readonly origin: Origin;
  /** What its parameters are bound to. */
  readonly given: readonly Placed[];
  /** The entity's, as the endpoint's map says. */
  readonly fields: Readonly<Record<string, Field>>;
  /** For errors. */
  readonly where: string;
}

/**
 * Asks what the columns are, and whether rows can be read in the order of version and key.
 * @throws FatalError if they cannot, or a column is missing
 */
export async function describeReading(
  { config, entity }: EndpointFrom<'sql'>,
  { dialect, statements, origin, given, fields, where }: ReadingOptions,
  signal: AbortSignal,
): Promise<Reading> {
  const { from } = origin;
  const selection = { from, columns: config.columns };
  const { columns } = await statements.ask(new Keyset(dialect, { ...selection, order: [] }).columns(given), signal);
  const table = config.table === undefined ? undefined : await statements.table(config.table, signal);
  const nullable = new Map(table?.columns.map((column) => [column.name, column.nullable]));
  const version = config.incremental === undefined ? undefined : entity.config.version;
  const named = (name: string) => columnNamed(name, columns, fields[name], where);
  const order = [...(version === undefined ? [] : [version]), ...keyFieldsOf(entity.config)].map(
    (name): OrderColumn => {
      const column = named(name);
      if (column.sorting === 'inconsistent') {
        const message = `the column "${column.name}" of the type ${column.type} is sorted in one way and compared in another, so rows cannot be read in its order: let a query make text or a number of it`;
        throw new FatalError('key_unsorted', `${where}: ${message}`);
      }
      const isBytewise = name === version && fields[name]?.type === 'string';
      // Of a view and of a query nothing tells.
      return { ...column, isBytewise, nullable: nullable.get(column.name) ?? true };
    },
  );
  const unique = order.filter(({ name }, index) => order.findIndex((one) => one.name === name) === index);
  const complete = [...unique, ...tieBreakers(unique, table?.key ?? [])];
  const field = version === undefined ? undefined : fields[version];
  return {
    columns,
    table,
    keyset: new Keyset(dialect, { ...selection, ...inFull(columns, from, config.table), order: complete }),
    order: complete,
    since: version === undefined || field === undefined ? undefined : sinceWriter(field, named(version), where),
  };
}

/** What has to be read as text, so that no digit is lost. */
function inFull(columns: readonly ResultColumn[], from: string, table: string | undefined): object {
  if (!columns.some(({ isRounded }) => isRounded)) return {};
  return { exact: columns, from: table === undefined ? from : `${from} ${ALIAS}` };
}

const TEXTS: readonly Sorting[] = ['text', 'isoWithT', 'isoWithBlank', 'unknown'];

/**
 * A collation may take different texts for equal (`a`, `A` and `á`). Rows that it takes for equal need an order among themselves: a chunk that
 * ends between them would begin the next one behind all of them. Where the order holds the whole primary key no two rows are equal, and an
 * index serves it as it is.
 */
function tieBreakers(order: readonly OrderColumn[], key: readonly string[]): OrderColumn[] {
  const isOneRow = key.length > 0 && key.every((name) => order.some((column) => column.name === name));
  if (isOneRow) return [];
  const texts = order.filter(({ sorting, isBytewise }) => TEXTS.includes(sorting) && !isBytewise);
  return texts.map((column) => ({ ...column, isBytewise: true, nullable: false }));
}

function columnNamed(
  name: string,
  columns: readonly ResultColumn[],
  field: Field | undefined,
  where: string,
): ResultColumn {
  const wanted = columnOf(name, field?.from);
  const found = columns.find((column) => column.name === wanted);
  if (found !== undefined) return found;
  const message = `there is no column "${wanted}", from which the field "${name}" is read: ${expectedOneOf(columns.map((column) => column.name))}`;
  throw new FatalError('column_unknown', `${where}: ${message}`);
}
