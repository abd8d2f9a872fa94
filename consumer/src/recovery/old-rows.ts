import { type Dataset, datasetsOf, type PipelineConfig } from '@tributary/shared';
import { entitiesOf, partOfMergedKey } from '../merge/rows.js';
import { inTurns } from '../sinks/in-turns.js';
import type { LandedRow, Sink } from '../sinks/port.js';
import { type IsTooOld, rowAges } from './row-age.js';

/** A sink that can remove records. */
export type RemovesKeys = Pick<Sink, 'scan'> & Required<Pick<Sink, 'removeKeys'>>;

/** The newest order of keys. */
type Newest = Map<string, string>;

/** Whether there is any record whose rows are kept no longer. Asked at any time, while writers write. */
export async function hasOldRows(config: PipelineConfig, sink: Pick<Sink, 'scan'>, now: number): Promise<boolean> {
  for (const [entity, isTooOld] of rowAges(config)) {
    const dataset = datasetsOf(config).find((one) => one.entity === entity);
    if (dataset !== undefined && (await keysTooOld(sink, dataset, isTooOld, now)).size > 0) return true;
  }
  return false;
}

/**
 * Removes the records whose newest row is kept no longer, in an epoch that has just begun: first the merged rows of which they are a side, then their
 * own rows. So whoever is interrupted finds them once more. The ledger is rebuilt behind it, from what is left; merges that leave empty what is missing
 * make their rows anew.
 * @returns how many rows were removed, by the part or table that held them
 * @throws WriterLost if the epoch is over
 */
export async function removeOldRows(
  config: PipelineConfig,
  sink: RemovesKeys,
  epoch: string,
  now: number,
): Promise<Record<string, number>> {
  const datasets = datasetsOf(config);
  const old = new Map<string, Newest>();
  for (const [entity, isTooOld] of rowAges(config)) {
    const dataset = datasets.find((one) => one.entity === entity);
    const keys = dataset === undefined ? new Map() : await keysTooOld(sink, dataset, isTooOld, now);
    if (keys.size > 0) old.set(entity, keys);
  }
  const removed: Record<string, number> = {};
  if (old.size === 0) return removed;
  for (const merge of config.merges) {
    const dataset = datasets.find(({ name }) => name === merge.dataset);
    const sides = entitiesOf(merge).map((entity) => old.get(entity));
    if (dataset === undefined || sides.every((side) => side === undefined)) continue;
    const isOfOld = ({ key }: LandedRow) => sides.some((side, place) => side?.has(partOfMergedKey(key, place) ?? ''));
    const keys = await newestOf(sink, dataset, isOfOld);
    if (keys.size > 0) Object.assign(removed, await sink.removeKeys(epoch, dataset, keys));
  }
  for (const dataset of datasets) {
    const keys = old.get(dataset.entity ?? '');
    if (keys !== undefined) Object.assign(removed, await sink.removeKeys(epoch, dataset, keys));
  }
  return removed;
}

/** The keys whose newest row is too old, each with its order. Of keys with young rows alone nothing is held in memory. */
async function keysTooOld(
  sink: Pick<Sink, 'scan'>,
  dataset: Dataset,
  isTooOld: IsTooOld,
  now: number,
): Promise<Newest> {
  const isOld = ({ version, deleted, values }: LandedRow) =>
    isTooOld({ version, values: deleted ? null : values }, now);
  const old = await newestOf(sink, dataset, isOld);
  if (old.size === 0) return old;
  const newest = await newestOf(sink, dataset, ({ key }) => old.has(key));
  // A younger state has taken the place of the old one, or another one came meanwhile.
  for (const [key, order] of newest) if (order !== old.get(key)) old.delete(key);
  return old;
}

async function newestOf(
  sink: Pick<Sink, 'scan'>,
  dataset: Dataset,
  isMeant: (row: LandedRow) => boolean,
): Promise<Newest> {
  const found: Newest = new Map();
  for await (const row of inTurns(sink.scan(dataset))) {
    if (!isMeant(row)) continue;
    const order = dataset.orderOf(row.version, row.messageId);
    if (order > (found.get(row.key) ?? '')) found.set(row.key, order);
  }
  return found;
}
