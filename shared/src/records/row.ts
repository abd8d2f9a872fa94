import type { Field } from '../config/fields.js';
import type { MergeConfig, PipelineConfig } from '../config/schema.js';
import { aggregateColumns } from './aggregate.js';
import type { Payload } from './entity.js';
import { rememberAll, rememberLast } from './remember.js';
import { versionOrder } from './version.js';

/** One line of a dataset, before a sink gives it a form. */
export interface Row {
  readonly dataset: string;
  readonly key: string;
  readonly hash: string;
  /** What the ledger compares to tell newer from older (see versionOrder). */
  readonly order: string;
  readonly version: string;
  readonly messageId: string;
  /** The columns' values; null for a tombstone, the row that closes its key. Of a row with parts they are made when they are read. */
  readonly values: Readonly<Record<string, unknown>> | null;
  /** Of a merged row that is no tombstone: what it is made of. */
  readonly parts?: MergedParts;
  /** Of a row with parts: what the ledger has written of it, to be written again. A copy of the row does not have it. */
  written?: string | undefined;
}

/** Whether a row closes its key. */
export const isClosing = (row: Row): boolean => row.parts === undefined && row.values === null;

/** What a merged row is made of: the records of all sides, the line, and what is calculated of them. Many rows share a part. */
export type MergedParts = Readonly<Record<MergedPart, Payload>>;
export type MergedPart = 'each' | 'line' | 'derived' | OtherPart;
/** The records that a line points at: `other`, and in a star those behind the first by their place in `with`: `other1`. */
export type OtherPart = 'other' | `other${number}`;

export const otherPart = (place: number): OtherPart => (place === 0 ? 'other' : `other${place}`);

/** A column of a merged row, and the part that has its value, under the name of a field. */
export interface MergedColumn {
  readonly name: string;
  readonly part: MergedPart;
  readonly field: string;
}

/** The columns that Tributary adds after a dataset's own. */
export const SYSTEM_COLUMNS = ['_key', '_hash', '_version', '_message_id', '_deleted', '_written_at'] as const;

/** A dataset of the pipeline: the columns of an entity, of a merge, or of an aggregate. */
export interface Dataset {
  readonly name: string;
  /** The entity whose records it holds; undefined for a merge and an aggregate. */
  readonly entity: string | undefined;
  /** What its content hashes name as the entity: the entity, or for a merge and an aggregate the dataset itself. */
  readonly hashedAs: string;
  readonly columns: Readonly<Record<string, Field>>;
  /** Of an aggregate: the dataset whose rows it groups. */
  readonly groups?: string;
  /** Of a merge: where the values of its columns come from, in their order. */
  readonly merged?: readonly MergedColumn[];
  /** The order of a row that was read back from a sink, by its system columns. */
  orderOf(version: string, messageId: string): string;
}

/** Every dataset that a pipeline writes: those of entities, then of merges, then of aggregates. */
export function datasetsOf(config: PipelineConfig): Dataset[] {
  const datasets: Dataset[] = Object.entries(config.entities).map(([entity, { dataset, fields }]) => ({
    name: dataset,
    entity,
    hashedAs: entity,
    columns: fields,
    orderOf: versionOrder,
  }));
  for (const merge of config.merges) {
    const { dataset } = merge;
    const columns = mergeColumns(config, merge);
    const merged = mergedColumns(merge);
    datasets.push({ name: dataset, entity: undefined, hashedAs: dataset, columns, merged, orderOf: orderOfMerged });
  }
  for (const aggregate of config.aggregates) {
    const { dataset, from: groups } = aggregate;
    const source = datasets.find(({ name }) => name === groups)?.columns ?? {};
    const columns = aggregateColumns(aggregate, source);
    datasets.push({ name: dataset, entity: undefined, hashedAs: dataset, columns, groups, orderOf: versionOrder });
  }
  return datasets;
}

/**
 * The order of a merged row: the orders of its sides, one after the other. Each change advances one side and never moves
 * another back, so the orders of one merged row form a chain, and comparing them as text finds the newer.
 */
export function mergedOrder(each: string, ...others: readonly string[]): string {
  let order = each;
  // A tab sorts before every character of an order, so a side that is the beginning of a longer one is still the older.
  for (const other of others) order += `\t${other}`;
  return order;
}

/** A merged row's `_version` and `_message_id` hold those of all sides, with a space between. */
export function joinSides(each: string, ...others: readonly string[]): string {
  let joined = each;
  for (const other of others) joined += ` ${other}`;
  return joined;
}

function orderOfMerged(version: string, messageId: string): string {
  const [versions, ids] = [version.split(' '), messageId.split(' ')];
  const orders = ids.map((id, place) => versionOrder(versions[place] ?? '', id));
  return orders.length < 2 ? mergedOrder(orders[0] ?? '', versionOrder('', '')) : orders.join('\t');
}

/** Where the value of each column of a merge comes from, in their order. */
export const mergedColumns = (merge: MergeConfig): MergedColumn[] =>
  Object.entries(merge.columns).map(([name, definition]) => ({
    name,
    ...(typeof definition === 'string' ? partOfSource(merge, definition) : { part: 'derived', field: name }),
  }));

/** Columns that stand beside each other and come from one part. */
export interface MergedRun {
  readonly part: MergedColumn['part'];
  readonly columns: readonly MergedColumn[];
}

export function runsOf(columns: readonly MergedColumn[]): readonly MergedRun[] {
  const runs: { readonly part: MergedPart; readonly columns: MergedColumn[] }[] = [];
  for (const column of columns) {
    const last = runs.at(-1);
    if (last?.part === column.part) last.columns.push(column);
    else runs.push({ part: column.part, columns: [column] });
  }
  return runs;
}

/** Makes something of each part of merged rows, once where many rows share it: rows of one record follow each other, and many records point at one. */
export function rememberPart(part: MergedPart): <V>(make: (of: Payload) => V) => (of: Payload) => V {
  if (part === 'each') return rememberLast;
  return part === 'line' || part === 'derived' ? (make) => make : rememberAll;
}

/** The part that a source of a merge's column is read from, and the name of the field there. */
export function partOfSource(
  merge: MergeConfig,
  source: string,
): { readonly part: Exclude<MergedPart, 'derived'>; readonly field: string } {
  const [side, field = ''] = source.split('.');
  if (side === 'line' || side === merge.each.entity) return { part: side === 'line' ? 'line' : 'each', field };
  return { part: otherPart(merge.with.findIndex(({ entity }) => entity === side)), field };
}

/** The fields of what a merge's columns are made of, by the names that columns give it: each side, and `line` where a field holds lines. */
export function sidesOfMerge(
  { entities }: Pick<PipelineConfig, 'entities'>,
  { each, with: others }: MergeConfig,
): Readonly<Record<string, Readonly<Record<string, Field>>>> {
  const fields = entities[each.entity]?.fields ?? {};
  return {
    [each.entity]: fields,
    ...Object.fromEntries(others.map(({ entity }) => [entity, entities[entity]?.fields ?? {}])),
    ...(each.lines === undefined ? {} : { line: fields[each.lines]?.items ?? {} }),
  };
}

/** The field that a source of a merge's column names, such as `inventory.price` or `line.quantity`. */
function fieldOfSource(config: Pick<PipelineConfig, 'entities'>, merge: MergeConfig, source: string): Field {
  const [side = '', name = ''] = source.split('.');
  const field = sidesOfMerge(config, merge)[side]?.[name];
  if (field === undefined) throw new Error(`merge column source ${source} passed the config check but is unknown`);
  return field;
}

function mergeColumns(config: PipelineConfig, merge: MergeConfig): Record<string, Field> {
  const fieldAt = (source: string): Field => {
    const field = fieldOfSource(config, merge, source);
    const isOfOther = merge.with.some(({ entity }) => source.startsWith(`${entity}.`));
    return isOfOther && merge.missing === 'empty' ? { ...field, optional: true } : field;
  };
  const column = (definition: MergeConfig['columns'][string]): Field =>
    typeof definition === 'string'
      ? fieldAt(definition)
      : { type: definition.type, optional: true, maxLength: Number.MAX_SAFE_INTEGER };
  return Object.fromEntries(Object.entries(merge.columns).map(([name, definition]) => [name, column(definition)]));
}
