import {
  DATABASES,
  describeError,
  type Environment,
  FatalError,
  type FieldType,
  pathToName,
  RetryableError,
  withoutValues,
} from '@tributary/shared';
import { MOST_OF_TABLES } from '../../sources/sql/answer-bound.js';
import { passwordsOf } from '../../sources/sql/concealed.js';
import type { TableDescription } from '../../sources/sql/database.js';
import { openDatabase } from '../../sources/sql/databases.js';
import type { Draft, EndpointDraft, EntityDraft, Remark } from '../draft.js';
import { mergesIn } from '../merges.js';
import { freeName, type Names, namesOfTables } from '../names.js';
import type { Column } from '../records/column.js';
import { unfitness } from '../unfit.js';

/** Milliseconds. A person waits. */
const TIMEOUT = 60_000;
const CONNECT_TIMEOUT = 10_000;
const VARIABLE = 'DATABASE_URL';

export const isDatabaseUrl = (text: string): boolean =>
  Object.keys(DATABASES).some((scheme) => text.startsWith(`${scheme}://`));

export interface DatabaseDraftOptions {
  readonly url: string;
  /** Only this table. */
  readonly table?: string | undefined;
  /** What the variables hold: a name that is taken by another database is not used for this one. */
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/**
 * An endpoint and an entity for each table that has a key.
 * @throws FatalError, RetryableError without the password, if the database refuses or does not answer, or has no such table
 */
export async function draftOfDatabase({ url, table, env, signal }: DatabaseDraftOptions): Promise<Draft> {
  const variable = freeName(VARIABLE, (name) => env[name] !== undefined && env[name] !== url);
  const database = openDatabase({ url, timeout: TIMEOUT, connectTimeout: CONNECT_TIMEOUT, mostBytes: MOST_OF_TABLES });
  try {
    const found = table === undefined ? await database.tables(signal) : [await database.table(table, signal)];
    const tables = found.filter((one) => one !== undefined);
    const left = tables.filter(({ key }) => key.length === 0).map(({ name }) => shown(name));
    const unfit: string[] = [];
    const keyed = tables.filter(({ key }) => key.length > 0);
    const names = namesOfTables(keyed.map(({ name }) => name));
    const drafted = keyed
      .flatMap((one) => {
        const own = names.get(one.name);
        return own === undefined ? [] : [{ ...draftOfTable(one, own, variable), name: one.name }];
      })
      .filter((one) => {
        const why = unfitness(one, { [variable]: url });
        if (why !== undefined) unfit.push(`left out: ${shown(one.name)}, since ${why}`);
        return why === undefined;
      });
    if (drafted.length === 0) {
      const none =
        table === undefined
          ? 'there is no table with a key that this user may read'
          : `there is no table ${table} with a key that this user may read`;
      throw new FatalError(
        'table_none',
        [
          `${database.name}: ${none}${left.length === 0 ? '' : `; without a key are ${left.join(', ')}`}`,
          ...unfit,
        ].join('; '),
      );
    }
    return {
      title: database.name,
      entities: drafted.map(({ entity }) => entity),
      endpoints: drafted.map(({ endpoint }) => endpoint),
      notes: [
        ...unfit,
        ...(left.length === 0 ? [] : [`left out, since they have no primary key: ${left.join(', ')}`]),
        ...mergesIn(drafted.map(({ entity }) => entity)),
      ],
      secrets: { [variable]: url },
    };
  } catch (error) {
    if (!(error instanceof FatalError || error instanceof RetryableError)) throw error;
    const message = withoutValues(describeError(error), passwordsOf(url));
    throw error instanceof FatalError ? new FatalError(error.code, message) : new RetryableError(error.code, message);
  } finally {
    await database.close();
  }
}

/** A name of a database as it may stand between words: it may hold whatever it wants. */
const shown = (name: string): string => (/^[^\s"',;]+$/.test(name) ? name : JSON.stringify(name)).slice(0, 200);

/** By column, a name of a field: without blanks, and without an underscore at its beginning, which only columns of Tributary have. */
function fieldNames(columns: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(columns.filter((column) => /^[^_\s]\S*$/.test(column)));
  const names = new Map([...taken].map((column) => [column, column]));
  for (const column of columns) {
    if (names.has(column)) continue;
    const base = column.replaceAll(/\s+/g, '_').replace(/^_+/, '') || 'field';
    const name = freeName(base, (one) => taken.has(one));
    taken.add(name);
    names.set(column, name);
  }
  return names;
}

/** What a column becomes; text is what any other becomes. */
const TYPES: readonly (readonly [RegExp, Exclude<FieldType, 'list'>])[] = [
  [/^tinyint\(1\)|^bool/i, 'boolean'],
  [/^(small|medium|big|tiny)?(int|serial)|^integer|^int\d/i, 'integer'],
  [/^(numeric|decimal|money)/i, 'decimal'],
  [/^(real|double|float)/i, 'number'],
  [/^(timestamp|datetime)/i, 'datetime'],
  [/^date$/i, 'date'],
  [/^json|\[\]$|^array/i, 'json'],
];

const typeOf = (type: string): Exclude<FieldType, 'list'> =>
  TYPES.find(([pattern]) => pattern.test(type))?.[1] ?? 'string';

function draftOfTable(
  { name, columns, key, versions }: TableDescription,
  names: Names,
  variable: string,
): {
  readonly entity: EntityDraft;
  readonly endpoint: EndpointDraft;
} {
  const nullable = new Set(columns.filter((column) => column.nullable !== false).map((column) => column.name));
  const version = versions.find(
    (one) =>
      !nullable.has(one) &&
      ['datetime', 'integer'].includes(typeOf(columns.find((column) => column.name === one)?.type ?? '')),
  );
  const called = fieldNames(columns.map((column) => column.name));
  const nameOf = (column: string): string => called.get(column) ?? column;
  const fields = columns.map(
    (column): Column => ({
      name: nameOf(column.name),
      label: [column.name],
      path: pathToName(column.name).text,
      steps: [column.name],
      type: typeOf(column.type),
      filled: 0,
      values: [],
      isSure: true,
    }),
  );
  const isCounted = fields.find((field) => version !== undefined && field.name === nameOf(version))?.type === 'integer';
  const remarks: Record<string, Remark> = { key: { text: 'the primary key', isSure: true } };
  if (version !== undefined)
    remarks.version = { text: 'called like something that grows with each change', isSure: false };
  const entity: EntityDraft = {
    name: names.entity,
    dataset: names.dataset,
    key: key.map(nameOf),
    version: version === undefined ? undefined : nameOf(version),
    columns: fields,
    required: new Set(columns.filter(({ name: one }) => !nullable.has(one)).map(({ name: one }) => nameOf(one))),
    remarks,
  };
  const about: Record<string, Remark> =
    version === undefined
      ? { incremental: { text: 'no column is called like a version: each poll reads everything', isSure: false } }
      : isCounted
        ? { incremental: { text: 'how many numbers may still be uncommitted when later ones are read', isSure: false } }
        : {};
  const incremental =
    version === undefined ? { incremental: false } : isCounted ? { incremental: { overlap: 1_000 } } : {};
  const settings = { source: 'sql', url: `\${${variable}}`, table: name, ...incremental };
  return { entity, endpoint: { id: names.endpoint, entity: names.entity, settings, remarks: about, records: [] } };
}
