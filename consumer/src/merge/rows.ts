import {
  contentHash,
  datasetsOf,
  hashOfJson,
  isUsableKey,
  type MergeConfig,
  type MergedParts,
  type OtherPart,
  otherPart,
  ownValue,
  type Payload,
  type PipelineConfig,
  parseJson,
  type Row,
  rememberAll,
  rememberLast,
  stringifyJson,
  versionOrder,
} from '@tributary/shared';
import type { OnColumnFailed } from './calculated.js';
import { compileColumns, type MergedColumns } from './columns.js';

/** A record as one side of a merge. */
export interface MergeSide {
  readonly key: string;
  readonly version: string;
  readonly messageId: string;
  /** Null if the record is deleted. */
  readonly payload: Payload | null;
}

/** One line of a record, and the keys of the other sides that it points at. */
export interface MergeLine {
  /** Names the line within its record: the targets, and from the second line to the same targets on, a number behind them. */
  readonly id: string;
  /** The keys that it points at, one for each side; empty for a side of which it names none, which only a merge that leaves empty what is missing allows. */
  readonly targets: readonly string[];
  readonly values: Readonly<Record<string, unknown>>;
}

/** The records that a line points at, one for each side; undefined for one that is not known. */
export type Others = readonly (MergeSide | undefined)[];

/** The pure half of a merge: which rows its sides make. Which sides meet is decided in the ledger (join.lua). */
export interface MergeRows {
  /** Where its rows go. It also names the merge. */
  readonly dataset: string;
  readonly eachEntity: string;
  /** The entities that its lines point at, in their order. */
  readonly withEntities: readonly string[];
  /** A deleted record has none. */
  lines(payload: Payload | null): readonly MergeLine[];
  /**
   * What the line and the records that it points at make. If the record with the line is deleted, the row that closes the line; so too if
   * one of the others is, unless the merge leaves empty what is missing. Undefined if the line makes no row before a record comes that is
   * not known yet.
   */
  row(each: MergeSide, line: MergeLine, others: Others): Row | undefined;
  /** The row that closes a line that the record had and has no more. */
  tombstone(each: MergeSide, lineId: string, others: Others): Row;
}

/** The merges of a pipeline, in the order of its file. */
export function createMergeRows(config: PipelineConfig, onFailed?: OnColumnFailed): readonly MergeRows[] {
  const datasets = datasetsOf(config);
  return config.merges.map((merge) => {
    const columns = datasets.find(({ name }) => name === merge.dataset)?.columns ?? {};
    return compileMerge(merge, compileColumns(config, merge, columns, onFailed));
  });
}

function compileMerge(merge: MergeConfig, columns: MergedColumns): MergeRows {
  const { dataset } = merge;
  const leavesEmpty = merge.missing === 'empty';
  const entity = JSON.stringify(dataset);
  const eachOrder = rememberLast(orderOf);
  const otherOrder = rememberAll(orderOf);

  const isStar = merge.with.length > 1;
  const orders = (each: MergeSide, others: Others): string => {
    let order = eachOrder(each);
    for (const other of others) order += `\t${other === undefined ? NO_ORDER : otherOrder(other)}`;
    return order;
  };

  /** @param parts undefined for a tombstone */
  const row = (each: MergeSide, lineId: string, others: Others, parts: MergedParts | undefined): Row => {
    const key = mergedKey(each.key, lineId);
    const plain = {
      dataset,
      key,
      hash: hashOfJson(entity, key, parts === undefined ? 'null' : columns.jsonOf(parts)),
      order: orders(each, others),
      version: joinAll(each.version, others, VERSION),
      messageId: joinAll(each.messageId, others, MESSAGE_ID),
    };
    return parts === undefined ? { ...plain, values: null } : new MergedRow(plain, parts, columns);
  };

  const partsAt = (each: MergeSide, line: MergeLine, others: Others): MergedParts | undefined => {
    const [first] = others;
    const known = first?.payload ?? (leavesEmpty ? NOTHING : null);
    if (each.payload === null || known === null) return undefined;
    const joined = { each: each.payload, line: line.values, other: known };
    if (!isStar) return columns.partsOf(joined);
    const more: Record<OtherPart, Payload> = { other: known };
    for (let place = 1; place < others.length; place++) {
      const payload = others[place]?.payload ?? (leavesEmpty ? NOTHING : null);
      if (payload === null) return undefined;
      more[otherPart(place)] = payload;
    }
    return columns.partsOf({ ...joined, ...more });
  };

  return {
    dataset,
    eachEntity: merge.each.entity,
    withEntities: merge.with.map(({ entity }) => entity),
    lines: (payload) => linesOf(merge, payload),
    row: (each, line, others) =>
      leavesEmpty || !others.includes(undefined) ? row(each, line.id, others, partsAt(each, line, others)) : undefined,
    tombstone: (each, lineId, others) => row(each, lineId, others, undefined),
  };
}

/** A merged row that is no tombstone. Its values are made when they are asked for: a sink that writes parts never asks. */
class MergedRow implements Row {
  readonly dataset: string;
  readonly key: string;
  readonly hash: string;
  readonly order: string;
  readonly version: string;
  readonly messageId: string;
  readonly parts: MergedParts;
  readonly #columns: Pick<MergedColumns, 'valuesOf'>;
  #values: Payload | undefined;
  #written: string | undefined;

  constructor(
    { dataset, key, hash, order, version, messageId }: Omit<Row, 'values' | 'parts'>,
    parts: MergedParts,
    columns: Pick<MergedColumns, 'valuesOf'>,
  ) {
    this.dataset = dataset;
    this.key = key;
    this.hash = hash;
    this.order = order;
    this.version = version;
    this.messageId = messageId;
    this.parts = parts;
    this.#columns = columns;
  }

  get values(): Payload {
    this.#values ??= this.#columns.valuesOf(this.parts);
    return this.#values;
  }

  // No property of its own: what is written of a row is not true of a copy that has another order.
  get written(): string | undefined {
    return this.#written;
  }

  set written(text: string | undefined) {
    this.#written = text;
  }

  withOrder(order: string, messageId: string): MergedRow {
    return new MergedRow({ ...this, order, messageId }, this.parts, this.#columns);
  }
}

/** Stands for a record that is missing: all that is read of it is empty. */
const NOTHING: Payload = {};

/** Names the merges of a pipeline by all that their rows and their sides depend on; `none` if there are none. */
export function nameOfMerges(config: PipelineConfig): string {
  const { merges, entities } = config;
  if (merges.length === 0) return 'none';
  const described = merges.map((merge) => {
    const sides = entitiesOf(merge).map((name) => [name, entities[name]] as const);
    return { merge: definitionOf(merge), sides: Object.fromEntries(sides) };
  });
  return contentHash('merges', 'all', { merges: described }).slice(0, 8);
}

/**
 * A merge by what its rows are made by. A setting that has its default is left out: a setting that came with a newer version, and that a
 * file does not have, must not make all rows of its merges anew.
 */
export function definitionOf({ missing, with: others, ...merge }: MergeConfig): object {
  const sides = { ...merge, with: others.length === 1 ? others[0] : others };
  return missing === 'wait' ? sides : { ...sides, missing };
}

/** The entities of a merge, the one with the lines first. */
export const entitiesOf = (merge: MergeConfig): string[] => [
  merge.each.entity,
  ...merge.with.map(({ entity }) => entity),
];

/**
 * Marks a merged row that was made once more of the same two records because the merge itself had changed: its order and
 * message ids end in `+` and the time. So it sorts behind the row before it, and before any row of a newer record.
 *
 * @param at the time of the rebuild, so that all consumers that make this row make the same one. If they used times of
 *   their own, the one with the earlier time would be told that the row is done while the other has yet to write it
 */
export function remergedAt(row: Row, at: number): Row {
  const stamp = `+${at.toString(36).padStart(9, '0')}`;
  return inOrder(row, `${row.order}${stamp}`, `${row.messageId}${stamp}`);
}

/** The same row as another message brings it. */
export const inOrder = (row: Row, order: string, messageId: string): Row =>
  row instanceof MergedRow ? row.withOrder(order, messageId) : { ...row, order, messageId };

/** Whether the merged row of this order was made once more. */
export const isRemerged = (order: string): boolean => order.at(-10) === '+';

/** When the merged row of this order was made once more; 0 if it was not. */
export const timeOfRemerge = (order: string): number => Number.parseInt(/\+([0-9a-z]{9})$/.exec(order)?.[1] ?? '0', 36);

/** The order of a merged row as its two records make it, without the time of a remerge. */
export const orderOfRecords = (order: string): string => order.replace(/\+[0-9a-z]{9}$/, '');

/** Between a line's targets and its number. No key may hold this control character, so no target looks like a numbered one. */
const NUMBERED = '\x01';
/** Between the targets of a line that has several. */
const NEXT_TARGET = '\x02';

/** The keys of the other sides that a line's id points at, in their order. */
export const targetsOfLine = (lineId: string): string[] => (lineId.split(NUMBERED, 1)[0] ?? '').split(NEXT_TARGET);

const NO_LINES: readonly MergeLine[] = [];

/** The record itself is its only line if the merge names no field with lines. */
function linesIn({ each }: MergeConfig, payload: Payload | null): readonly MergeLine['values'][] | undefined {
  if (each.lines !== undefined) return ownValue(payload, each.lines) as readonly MergeLine['values'][] | undefined;
  return payload === null ? undefined : [payload];
}

function linesOf(merge: MergeConfig, payload: Payload | null): readonly MergeLine[] {
  const given = linesIn(merge, payload);
  if (given === undefined || given.length === 0) return NO_LINES;
  const seen = new Map<string, number>();
  const lines: MergeLine[] = [];
  for (const values of given) {
    const targets: string[] = [];
    for (const { on } of merge.with) {
      const given = String(ownValue(values, on) ?? '');
      // No record can have another key, so the line points at nothing.
      targets.push(isUsableKey(given) ? given : '');
    }
    if (merge.missing === 'wait' && targets.includes('')) continue;
    const name = targets.length === 1 ? (targets[0] ?? '') : targets.join(NEXT_TARGET);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    // The ledger knows no empty id: a line that points at nothing has a number in any case.
    const isNumbered = count > 1 || name === '';
    lines.push({ id: isNumbered ? `${name}${NUMBERED}${count}` : name, targets, values });
  }
  return lines;
}

/** Nearly no part holds a character that is escaped. */
export const escapePart = (part: string): string =>
  /[%/]/.test(part) ? part.replaceAll('%', '%25').replaceAll('/', '%2F') : part;
const unescapePart = (part: string): string => part.replaceAll('%2F', '/').replaceAll('%25', '%');

/** `C-000001/SKU-00007`, or `C-000001/SKU-00007/2` for the second line to the same item; `C-000001//1` for a line that points at nothing. */
export function mergedKey(eachKey: string, lineId: string): string {
  let key = escapePart(eachKey);
  for (const part of lineId.split(BETWEEN)) key += `/${escapePart(part)}`;
  return key;
}

const BETWEEN = new RegExp(`[${NUMBERED}${NEXT_TARGET}]`);

/** The key of one of the records that a merged key names: at 0 of that with the lines, from 1 on of those that they point at. */
export const partOfMergedKey = (key: string, place: number): string => unescapePart(key.split('/')[place] ?? '');

/**
 * The record and line that a merged key names.
 * @param targets how many sides the lines of the merge point at
 */
export function readMergedKey(key: string, targets = 1): { eachKey: string; lineId: string } {
  const [eachKey = '', ...line] = key.split('/').map(unescapePart);
  const name = line.slice(0, targets).join(NEXT_TARGET);
  return { eachKey, lineId: [name, ...line.slice(targets)].join(NUMBERED) };
}

const VERSION = ({ version }: MergeSide): string => version;
const MESSAGE_ID = ({ messageId }: MergeSide): string => messageId;

function joinAll(each: string, others: Others, read: (side: MergeSide) => string): string {
  let joined = each;
  for (const other of others) joined += ` ${other === undefined ? '' : read(other)}`;
  return joined;
}

const orderOf = ({ version, messageId }: MergeSide): string => versionOrder(version, messageId);
/** In the place of a side that is not known. */
const NO_ORDER = versionOrder('', '');

/** A side as text, as the ledger keeps it for records of the other side. A deleted record has null in the place of its payload. */
export const writeSide = ({ version, messageId, payload }: Omit<MergeSide, 'key'>): string =>
  stringifyJson([version, messageId, payload]) ?? '';

export function readSide(key: string, text: string): MergeSide {
  const [version, messageId, payload] = parseJson(text) as [string, string, Payload | null];
  return { key, version, messageId, payload };
}
