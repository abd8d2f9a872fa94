import {
  type AggregateConfig,
  compileEntity,
  type Dataset,
  datasetsOf,
  type Entity,
  hasOwnOrder,
  type MergeConfig,
  type PipelineConfig,
  rowsKept,
} from '@tributary/shared';
import { groupsOf } from './aggregate.js';
import { type Changes, overtakenMerge, overtakenRecord } from './changes.js';
import { expectNoMore, type Removed } from './gone.js';
import type { Mark } from './history.js';
import { Join, joinSides, sidesOfKey } from './join.js';
import { judgeMerge, judgeState, readHistories } from './judge.js';
import { FinalRecords, LandedRecords } from './records.js';
import { type AuditReport, makeReport, Tally } from './report.js';
import type { StoredRow, StoredRows } from './sinks/port.js';
import { isLater, LandedTimes, SAME_TIMES, type Times } from './times.js';
import type { Truth } from './truth.js';

export interface AuditOptions {
  readonly config: PipelineConfig;
  readonly truth: Truth;
  readonly sink: StoredRows;
  /**
   * For a pipeline that runs: records that changed after this time (milliseconds since the epoch), and rows newer than
   * what the API told, are left out. Without it the pipeline is taken to have settled, and everything counts.
   */
  readonly settledBefore?: number | undefined;
  /** If it is known which states the records went through, a row that only seems to repeat another is told from one that does. */
  readonly changes?: Changes | undefined;
  /** What was erased, and when what is kept no longer was removed last. */
  readonly removed?: Removed | undefined;
}

/**
 * Compares the API's truth with the sink. The sink is a history: the state of a key is its newest row by the dataset's
 * order (version, then message id). For each dataset it counts
 *
 * - `expected`: the truth's keys; for the merge those of the inner join of the final lines with the final items, a
 *   repeated line included
 * - `found`: keys whose newest row is live
 * - `missing`: expected keys that have no row, or whose newest row is a tombstone
 * - `duplicated`: rows beyond the first of a key and message id, or (merged rows) of a key, its two versions and its
 *   content; and rows that repeat the content of the row before them
 *   (if `changes` are known: although there was no other content in between)
 * - `torn`: lines that are not whole or not CSV, have too few or too many cells, or are a header in the middle; parts
 *   that do not begin with a header
 * - `stale`: keys whose newest row is live and not the truth's latest content; a key that the truth does not know, or a
 *   merged row whose line is gone, counts here
 * - `wrongHash`: rows, old ones too, whose `_hash` is not that of their own cells, whose `_key` or `_version` is not that
 *   of their fields, or with a cell that its field cannot hold
 * - `wrongMerge`: newest merged rows, tombstones included, that are not what the newest rows of the two sides *in the
 *   sink* give: a side that is late makes a merged row stale, a fault of the merge makes it wrong
 *
 * Where records are kept for a time (`retention.rows`), one that is too old may have no row; see gone.ts.
 *
 * An aggregate is compared with the groups that the newest rows of its dataset in the sink give, once the pipeline has settled: `missing` and `stale` say so.
 *
 * It holds a few hundred bytes a row in memory, and payloads only of the two sides of the merge.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { config } = options;
  const sides = new Map<string, Sides>();
  const tallies: Tally[] = [];
  for (const dataset of datasetsOf(config)) {
    const tally = new Tally(dataset.name);
    tallies.push(tally);
    if (dataset.entity !== undefined)
      sides.set(dataset.entity, await auditEntity(options, dataset, dataset.entity, tally));
    for (const aggregate of config.aggregates) {
      if (aggregate.dataset === dataset.name) await auditAggregate(options, dataset, aggregate, tally);
    }
    for (const merge of config.merges) {
      if (merge.dataset === dataset.name) await auditMerge(options, dataset, merge, sides, tally);
    }
  }
  const leftOut = [...sides.values()].reduce((sum, { final }) => sum + final.leftOut, 0);
  return makeReport(tallies, leftOut);
}

/** The records of one entity: as the API has them, and as they landed. */
interface Sides {
  readonly final: FinalRecords;
  readonly landed: LandedRecords;
  readonly times: Times;
}

async function auditEntity(options: AuditOptions, dataset: Dataset, entity: string, tally: Tally): Promise<Sides> {
  const { config, truth, sink, settledBefore, changes, removed } = options;
  const isLive = settledBefore !== undefined;
  const isUnderWay = (changedAt: number, pending: boolean) => isLive && (pending || changedAt > settledBefore);
  const isSide = config.merges.some((merge) => [merge.each, ...merge.with].some((side) => side.entity === entity));
  const keepPayloads = isSide || rowsKept(config).has(entity);
  const final = await FinalRecords.read(config, entity, truth, { keepPayloads, isUnderWay });
  const landed = new LandedRecords(final);
  const times = isOrderedBySource(config, entity) ? new LandedTimes() : undefined;
  const { versionOf } = compiled(config, entity);
  const histories = await readHistories(sink, dataset, tally, {
    systemColumns: checkOfSystemColumns(config, entity),
    isOvertaken: changes && overtakenRecord(changes, entity, times ?? SAME_TIMES),
    onAnyRow({ key, version, values, deleted }) {
      const apiVersion = deleted || values === undefined ? undefined : versionOf(values);
      if (apiVersion !== undefined) times?.note(key, version, apiVersion);
    },
    onRow(row, mark) {
      const order = dataset.orderOf(mark.version, mark.messageId);
      if (keepPayloads) landed.note(row.key, order, mark.content, row.deleted ? undefined : row.values);
    },
  });
  expectNoMore({ config, removed, now: Date.now() }, entity, { final, histories, tally });
  judgeState(histories, tally, final, (key, newest) => {
    const known = final.record(key)?.version ?? '';
    if (isLive && newest !== undefined && isLater(newest.version, known)) final.leaveOut(key);
    return final.isLeftOut(key);
  });
  return { final, landed, times: times ?? SAME_TIMES };
}

async function auditMerge(
  { config, sink, settledBefore, changes }: AuditOptions,
  dataset: Dataset,
  merge: MergeConfig,
  sides: ReadonlyMap<string, Sides>,
  tally: Tally,
): Promise<void> {
  const each = sides.get(merge.each.entity);
  const others = merge.with.flatMap(({ entity }) => sides.get(entity) ?? []);
  if (each === undefined || others.length < merge.with.length) throw new Error('a side of the merge is no dataset');
  const all = [each, ...others];
  const isLeftOut = (key: string, newest: Mark | undefined) => {
    const keys = sidesOfKey(merge, key);
    if (all.some(({ final }, place) => final.isLeftOut(keys[place] ?? ''))) return true;
    if (settledBefore === undefined || newest === undefined) return false;
    const versions = newest.version.split(' ');
    return all.some(({ final }, place) => {
      return isLater(versions[place] ?? '', final.record(keys[place] ?? '')?.version ?? '');
    });
  };
  const isOvertaken =
    changes &&
    overtakenMerge(
      changes,
      { config, merge },
      all.map(({ times }) => times),
    );
  const histories = await readHistories(sink, dataset, tally, { isOvertaken });
  const join = (of: 'final' | 'landed') =>
    new Join(
      joinSides(
        config,
        merge,
        each[of],
        others.map((other) => other[of]),
      ),
    );
  judgeState(histories, tally, join('final'), isLeftOut);
  judgeMerge(histories, tally, join('landed'), isLeftOut);
}

/** While the pipeline runs, its groups are those of some seconds ago, and only its rows are looked at. */
async function auditAggregate(
  { config, sink, settledBefore }: AuditOptions,
  dataset: Dataset,
  aggregate: AggregateConfig,
  tally: Tally,
): Promise<void> {
  const histories = await readHistories(sink, dataset, tally, {});
  const source = datasetsOf(config).find(({ name }) => name === aggregate.from);
  if (source === undefined) throw new Error(`${aggregate.from} is no dataset`);
  const isLeftOut = () => settledBefore !== undefined;
  judgeState(histories, tally, await groupsOf(sink, source, aggregate), isLeftOut);
}

/** A row's key and version are columns of their own, beside the fields that they were made from. */
function checkOfSystemColumns(config: PipelineConfig, entity: string): (row: StoredRow) => string | undefined {
  const { keyOf, versionOf, config: entityConfig } = compiled(config, entity);
  const isOrdered = isOrderedBySource(config, entity);
  return ({ key, version, values, deleted }) => {
    if (deleted || values === undefined) return undefined;
    if (keyOf(values) !== key) return `its _key is not its ${entityConfig.key}`;
    const isVersion = isOrdered || versionOf(values) === version;
    return isVersion ? undefined : `its _version is not its ${entityConfig.version}`;
  };
}

function compiled(config: PipelineConfig, entity: string): Entity {
  const entityConfig = config.entities[entity];
  if (entityConfig === undefined) throw new Error(`no entity "${entity}" in the pipeline`);
  return compileEntity(entity, entityConfig);
}

/** Whether its records go by an order of the source, such as the log of a database, and not by their own version. */
const isOrderedBySource = (config: PipelineConfig, entity: string): boolean =>
  Object.values(config.endpoints).some((one) => one.entity === entity && hasOwnOrder(one));
