import { contentHash, type Dataset, tombstoneHash } from '@tributary/shared';
import { type MergeRows, orderOfRecords, readMergedKey, targetsOfLine } from '../../src/merge/rows.js';
import type { LandedRow } from '../../src/sinks/port.js';
import type { MemoryDisk } from './memory-sink.js';
import type { Pipeline } from './pipelines.js';
import { newest, type Published, sideOf } from './publications.js';

/** What is wrong with an output, in words; empty if it is what the published messages must lead to. */
export function audit(published: readonly Published[], disk: MemoryDisk, pipeline: Pipeline): string[] {
  return pipeline.datasets.flatMap((dataset) => {
    const rows = disk.rows(dataset.name);
    const merge = pipeline.merges.find((rows) => rows.dataset === dataset.name);
    const expected = merge === undefined ? expectedOf(published, dataset) : expectedMerge(published, merge);
    return [
      ...auditLatest(rows, dataset, expected),
      ...auditHashes(rows, dataset),
      ...auditRepeats(rows, dataset, published, merge),
      ...(merge === undefined ? [] : auditChains(rows, dataset, published, merge)),
    ].map((fault) => `${dataset.name}: ${fault}`);
  });
}

/** The rows that must be there; all others must be closed, or never have been there. */
function expectedOf(published: readonly Published[], { entity }: Dataset): Map<string, string> {
  const records = [...newest(published, entity ?? '').values()].map(({ record }) => record);
  return new Map(records.filter(({ deleted }) => !deleted).map(({ key, hash }) => [key, hash]));
}

function expectedMerge(published: readonly Published[], rows: MergeRows): Map<string, string> {
  const expected = new Map<string, string>();
  const others = rows.withEntities.map((entity) => newest(published, entity));
  for (const record of newest(published, rows.eachEntity).values()) {
    const each = sideOf(record);
    for (const line of rows.lines(each.payload)) {
      const sides = others.map((of, place) => of.get(line.targets[place] ?? ''));
      const row = rows.row(
        each,
        line,
        sides.map((other) => other && sideOf(other)),
      );
      if (row !== undefined && row.values !== null) expected.set(row.key, row.hash);
    }
  }
  return expected;
}

const inOrder = (rows: readonly LandedRow[], { orderOf }: Dataset): LandedRow[] =>
  rows
    .map((row) => ({ row, order: orderOf(row.version, row.messageId) }))
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .map(({ row }) => row);

function* auditLatest(rows: readonly LandedRow[], dataset: Dataset, expected: ReadonlyMap<string, string>) {
  const latest = new Map(inOrder(rows, dataset).map((row) => [row.key, row]));
  for (const [key, hash] of expected) {
    const row = latest.get(key);
    if (row === undefined) yield `${key} is missing`;
    else if (row.deleted) yield `${key} is closed (by ${row.messageId}) and should be there`;
    else if (row.hash !== hash) yield `${key} is not as it was last published, but as of ${row.messageId}`;
  }
  for (const [key, row] of latest) {
    if (!expected.has(key) && !row.deleted) yield `${key} of ${row.messageId} should not be there`;
  }
}

function* auditHashes(rows: readonly LandedRow[], { hashedAs, entity }: Dataset) {
  for (const { key, hash, version, deleted, values } of rows) {
    const isOfRecord = deleted && entity !== undefined;
    const right = isOfRecord
      ? tombstoneHash(hashedAs, key, version)
      : contentHash(hashedAs, key, deleted ? null : values);
    if (hash !== right) yield `${key} has a wrong hash`;
  }
}

/** Finds the same row twice, and the same content once more although nothing else was published in between. */
function* auditRepeats(
  rows: readonly LandedRow[],
  dataset: Dataset,
  published: readonly Published[],
  merge: MergeRows | undefined,
) {
  const seen = new Set<string>();
  const previous = new Map<string, LandedRow>();
  for (const row of inOrder(rows, dataset)) {
    const id = `${row.key} of ${row.messageId}`;
    if (seen.has(id)) yield `${id} is there twice`;
    seen.add(id);
    const before = previous.get(row.key);
    previous.set(row.key, row);
    if (before === undefined || before.hash !== row.hash || before.deleted !== row.deleted) continue;
    if (before.messageId === row.messageId) continue;
    if (!changedBetween(before, row, dataset, published, merge)) {
      yield `${row.key} has the same content in ${before.messageId} and ${row.messageId}, with no change between`;
    }
  }
}

/**
 * Finds merged rows that turn back what their line points at: of an older record than a row of the line before had it. Where its record drops a
 * line, the row is closed at once, whatever is known of the other records.
 */
function* auditChains(rows: readonly LandedRow[], dataset: Dataset, published: readonly Published[], merge: MergeRows) {
  const ofOrder = (entity: string, key: string, order: string) => {
    const found = published.find(
      (one) => one.record.entity === entity && one.record.key === key && one.order === order,
    );
    return found && sideOf(found);
  };
  const reached = new Map<string, readonly string[]>();
  for (const row of inOrder(rows, dataset)) {
    const { eachKey, lineId } = readMergedKey(row.key, merge.withEntities.length);
    const [eachOrder = '', ...orders] = orderOfRecords(dataset.orderOf(row.version, row.messageId)).split('\t');
    const each = ofOrder(merge.eachEntity, eachKey, eachOrder);
    const line = merge.lines(each?.payload ?? null).find(({ id }) => id === lineId);
    const before = line === undefined ? undefined : reached.get(row.key);
    if (line === undefined) reached.delete(row.key);
    else reached.set(row.key, orders);
    if (each === undefined || line === undefined || before === undefined) continue;
    if (!orders.some((order, place) => order < (before[place] ?? ''))) continue;
    const targets = targetsOfLine(lineId);
    const made = (of: readonly string[]) =>
      merge.row(
        each,
        line,
        merge.withEntities.map((entity, place) => ofOrder(entity, targets[place] ?? '', of[place] ?? '')),
      );
    // Where both records make the same row, it does not matter which of them it tells.
    if (made(before)?.hash !== made(orders)?.hash)
      yield `${row.key} of ${row.messageId} is of an older record than the row before it`;
  }
}

/** A, B and A again are two rows of A, even if a crash kept B from landing. */
function changedBetween(
  before: LandedRow,
  row: LandedRow,
  { orderOf }: Dataset,
  published: readonly Published[],
  merge: MergeRows | undefined,
): boolean {
  const from = orderOf(before.version, before.messageId);
  const to = orderOf(row.version, row.messageId);
  const isChange = (order: string, hash: string) => order > from && order < to && hash !== row.hash;
  if (merge === undefined) {
    return published.some(({ record, order }) => record.key === row.key && isChange(order, record.hash));
  }
  const { eachKey, lineId } = readMergedKey(row.key, merge.withEntities.length);
  const of = (name: string, key: string) =>
    published.filter(({ record }) => record.entity === name && record.key === key).map(sideOf);
  return of(merge.eachEntity, eachKey).some((each) => {
    const line = merge.lines(each.payload).find(({ id }) => id === lineId);
    const targets = targetsOfLine(lineId);
    const others = merge.withEntities.map((entity, place) => [undefined, ...of(entity, targets[place] ?? '')]);
    return combinations(others).some((sides) => {
      const made = line === undefined ? merge.tombstone(each, lineId, sides) : merge.row(each, line, sides);
      return made !== undefined && isChange(made.order, made.hash);
    });
  });
}

/** Each of the first with each of the others. */
function combinations<T>([first, ...rest]: readonly (readonly T[])[]): T[][] {
  if (first === undefined) return [[]];
  return combinations(rest).flatMap((others) => first.map((one) => [one, ...others]));
}
