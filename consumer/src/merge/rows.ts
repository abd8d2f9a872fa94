import {
  compileContentHash,
  contentHash,
  datasetsOf,
  isUsableKey,
  joinSides,
  type MergeConfig,
  mergedOrder,
  ownValue,
  type Payload,
  type PipelineConfig,
  parseJson,
  type Row,
  stringifyJson,
  versionOrder,
} from '@tributary/shared';
import { compileColumns } from './columns.js';

/** A record as one side of the merge. */
export interface MergeSide {
  readonly key: string;
  readonly version: string;
  readonly messageId: string;
  readonly payload: Payload;
}

/** One line of a record, and the key of the other side that it points at. */
export interface MergeLine {
  /** Names the line within its record: the target, and from the second line to the same target on, a number behind it. */
  readonly id: string;
  readonly target: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The pure half of the merge: which rows two sides make. Which sides meet is the ledger's business (join.lua). */
export interface MergeRows {
  readonly dataset: string;
  readonly eachEntity: string;
  readonly withEntity: string;
  lines(payload: Payload): MergeLine[];
  row(each: MergeSide, line: MergeLine, other: MergeSide): Row;
  /** The row that closes what a record had and has no more. */
  tombstone(each: MergeSide, lineId: string, other: MergeSide | undefined): Row;
}

export function createMergeRows(config: PipelineConfig): MergeRows | undefined {
  const [merge] = config.merges;
  if (merge === undefined) return undefined;
  const { dataset } = merge;
  const columns = datasetsOf(config).find(({ name }) => name === dataset)?.columns ?? {};
  const hashOf = compileContentHash(dataset, columns);
  const valuesOf = compileColumns(merge);

  const row = (each: MergeSide, lineId: string, other: MergeSide | undefined, values: Row['values']): Row => {
    const key = mergedKey(each.key, lineId);
    return {
      dataset,
      key,
      hash: hashOf(key, values),
      order: mergedOrder(sideOrder(each), sideOrder(other)),
      version: joinSides(each.version, other?.version ?? ''),
      messageId: joinSides(each.messageId, other?.messageId ?? ''),
      values,
    };
  };

  return {
    dataset,
    eachEntity: merge.each.entity,
    withEntity: merge.with.entity,
    lines: (payload) => linesOf(merge, payload),
    row: (each, line, other) => row(each, line.id, other, valuesOf(each.payload, line.values, other.payload)),
    tombstone: (each, lineId, other) => row(each, lineId, other, null),
  };
}

/** Names the merge by what its rows and their sides depend on; without one they depend on nothing. */
export function nameOfMerge({ merges, entities }: PipelineConfig): string {
  const [merge] = merges;
  if (merge === undefined) return 'none';
  const sides = [merge.each.entity, merge.with.entity].map((name) => [name, entities[name]] as const);
  return contentHash('merge', merge.dataset, { merge, sides: Object.fromEntries(sides) }).slice(0, 8);
}

/**
 * Ends the message ids of a merged row that was made once more of the same two records, because the merge itself had
 * changed. It sorts behind the row before it, and before whatever comes of a newer record.
 *
 * @param at the rebuild's time, so that all who make this row make the same one: of two with times of their own, the
 *   earlier would be told that the row is done while the later has yet to write it
 */
export function remergedAt(row: Row, at: number): Row {
  const stamp = `+${at.toString(36).padStart(9, '0')}`;
  return { ...row, order: `${row.order}${stamp}`, messageId: `${row.messageId}${stamp}` };
}

/** When the merged row of this order was made once more; 0 if it was not. */
export const timeOfRemerge = (order: string): number => Number.parseInt(/\+([0-9a-z]{9})$/.exec(order)?.[1] ?? '0', 36);

/** The order of a merged row as its two records have it. */
export const orderOfRecords = (order: string): string => order.replace(/\+[0-9a-z]{9}$/, '');

/** A control character, which no key may hold, so that no target can look like a numbered one. */
const NUMBERED = '\x01';

/** The key of the other side that a line's id points at. */
export const targetOfLine = (lineId: string): string => lineId.split(NUMBERED, 1)[0] ?? '';

export function linesOf(merge: MergeConfig, payload: Payload): MergeLine[] {
  const seen = new Map<string, number>();
  const lines: MergeLine[] = [];
  for (const values of (ownValue(payload, merge.each.lines) as MergeLine['values'][] | undefined) ?? []) {
    const target = String(ownValue(values, merge.with.on) ?? '');
    // Nothing can have such a key, so the line points at nothing.
    if (target === '' || !isUsableKey(target)) continue;
    const count = (seen.get(target) ?? 0) + 1;
    seen.set(target, count);
    lines.push({ id: count === 1 ? target : `${target}${NUMBERED}${count}`, target, values });
  }
  return lines;
}

const escapePart = (part: string): string => part.replaceAll('%', '%25').replaceAll('/', '%2F');
const unescapePart = (part: string): string => part.replaceAll('%2F', '/').replaceAll('%25', '%');

/** `C-000001/SKU-00007`, or `C-000001/SKU-00007/2` for the second line to the same item. */
export function mergedKey(eachKey: string, lineId: string): string {
  return [eachKey, ...lineId.split(NUMBERED)].map(escapePart).join('/');
}

/** The record and line that a merged key names. */
export function readMergedKey(key: string): { eachKey: string; lineId: string } {
  const [eachKey = '', ...line] = key.split('/').map(unescapePart);
  return { eachKey, lineId: line.join(NUMBERED) };
}

const sideOrder = (side: MergeSide | undefined): string =>
  side === undefined ? versionOrder('', '') : versionOrder(side.version, side.messageId);

/** A side as the ledger keeps it for the others to meet. */
export const writeSide = ({ version, messageId, payload }: Omit<MergeSide, 'key'>): string =>
  stringifyJson([version, messageId, payload]) ?? '';

export function readSide(key: string, text: string): MergeSide {
  const [version, messageId, payload] = parseJson(text) as [string, string, Payload];
  return { key, version, messageId, payload };
}
