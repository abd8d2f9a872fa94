import { type Clock, type Dataset, datasetsOf, type PipelineConfig } from '@tributary/shared';
import { isTombstone, UNKNOWN_CONTENT, writeContent, writeFormed } from '../ledger/content.js';
import { awaitedName, type LedgerKeys, type MergeKeys, sideName } from '../ledger/keys.js';
import { writeOrder } from '../ledger/order.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import { createMergeRows, type MergeRows, readMergedKey, timeOfRemerge, writeSide } from '../merge/rows.js';
import type { Sink } from '../sinks/port.js';
import { BroughtKeys } from './brought.js';
import { BulkWriter } from './bulk-writer.js';
import { type Doubt, type DoubtfulLine, findDoubts } from './doubts.js';
import type { Rebuild } from './epoch.js';
import { type LandedMerge, type NewestRow, type NewestSide, newestRows, newestSides } from './landed.js';
import { findUnmerged } from './unmerged.js';

export interface RebuildOptions {
  readonly redis: Pick<LedgerRedis, 'pipeline' | 'eval'>;
  readonly config: PipelineConfig;
  readonly sink: Sink;
  readonly clock: Clock;
}

/**
 * Rebuilds the ledger and the state of the merges from what has landed. The caller has fenced every writer before, so
 * nothing lands meanwhile.
 */
export function rebuildFromSink(options: RebuildOptions): Rebuild {
  return (keys, isDoubted = false, reformed = new Set(), since = 0) =>
    new LedgerRebuild(options, keys, { isDoubted, reformed, since }).run();
}

/** Why it is rebuilt: see {@link Rebuild}. */
interface Reasons {
  readonly isDoubted: boolean;
  readonly reformed: ReadonlySet<string>;
  readonly since: number;
}

/** Milliseconds for which a message that has landed may lie in its queue, to be delivered again. */
const COMES_AGAIN_WITHIN = 7 * 86_400_000;

/**
 * Orders of records with an id that no other has: a UUIDv7, as the producer gives, and the place if it was in a pack. Behind a tab there
 * is nothing but a space in the order of a merged row for a record that was not there.
 */
const OF_ONE_MESSAGE = /-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(?:\.\d+)?(?:\t )*(?:\+[0-9a-z]{9})?$/;

class LedgerRebuild {
  readonly #sink: Sink;
  readonly #isDoubted: boolean;
  readonly #reformed: ReadonlySet<string>;
  /** Whether the configuration came into use lately. Which rows are from before is known only to the first rebuild after that. */
  readonly #isFresh: boolean;
  readonly #clock: Clock;
  readonly #keys: LedgerKeys;
  readonly #writer: BulkWriter;
  readonly #brought: BroughtKeys;
  readonly #datasets: readonly Dataset[];
  readonly #merges: readonly MergeRows[];
  /** The records that have landed, by entity; only of entities that are a side of a merge. */
  readonly #sides = new Map<string, ReadonlyMap<string, NewestSide>>();
  /** The newest order of each record in doubt, by its key in the ledger: two merges may doubt the same record. */
  readonly #doubted = new Map<string, string>();

  constructor(
    { redis, config, sink, clock }: RebuildOptions,
    keys: LedgerKeys,
    { isDoubted, reformed, since }: Reasons,
  ) {
    this.#sink = sink;
    this.#isDoubted = isDoubted;
    this.#reformed = reformed;
    this.#isFresh = since > clock.now() - COMES_AGAIN_WITHIN;
    this.#clock = clock;
    this.#keys = keys;
    this.#writer = new BulkWriter(redis);
    this.#brought = new BroughtKeys(redis, config);
    this.#datasets = datasetsOf(config);
    this.#merges = createMergeRows(config);
  }

  async run(): Promise<void> {
    for (const dataset of this.#datasets) {
      if (dataset.entity !== undefined) await this.#rebuildEntity(dataset, dataset.entity);
    }
    for (const rows of this.#merges) await this.#rebuildMerge(rows);
    await this.#writer.flush();
  }

  async #rebuildEntity(dataset: Dataset, entity: string): Promise<void> {
    const isSide = this.#merges.some(
      ({ eachEntity, withEntities }) => eachEntity === entity || withEntities.includes(entity),
    );
    if (!isSide) return this.#writeRecords(dataset, entity, await newestRows(this.#sink, dataset, this.#isDoubted));
    const records = await newestSides(this.#sink, dataset, this.#isDoubted);
    await this.#writeRecords(dataset, entity, records);
    this.#sides.set(entity, records);
  }

  async #writeRecords(dataset: Dataset, entity: string, newest: ReadonlyMap<string, NewestRow>): Promise<void> {
    await this.#writeContents(dataset, newest);
    await this.#brought.note(entity, newest);
  }

  async #rebuildMerge(rows: MergeRows): Promise<void> {
    const dataset = this.#datasets.find(({ name }) => name === rows.dataset);
    if (dataset === undefined) return;
    const landed: LandedMerge = {
      rows,
      each: this.#sides.get(rows.eachEntity) ?? new Map(),
      others: rows.withEntities.map((entity) => this.#sides.get(entity) ?? new Map()),
      merged: await newestRows(this.#sink, dataset, this.#isDoubted),
    };
    const keys = this.#keys.merge(rows.dataset);
    await this.#writeContents(dataset, landed.merged);
    await this.#writeEachSide(landed, keys);
    await this.#writeWithSide(landed, keys);
    await this.#writeOpenLines(landed, keys);
    for (const line of findDoubts(landed)) await this.#writeDoubts(line, keys);
    await this.#writeUnmerged(landed, keys);
  }

  /** The last accepted content of each key. */
  async #writeContents({ name }: Dataset, newest: ReadonlyMap<string, NewestRow>): Promise<void> {
    const key = this.#keys.ledger(name);
    const form = writeFormed(laterThan(newest, this.#clock.now()));
    const isReformed = this.#reformed.has(name);
    for (const [field, { hash, order }] of newest) {
      const isFormed = isReformed || (this.#isFresh && hash !== UNKNOWN_CONTENT && OF_ONE_MESSAGE.test(order));
      await this.#writer.hset(key, field, `${isFormed ? form : ''}${writeContent(hash, order)}`);
    }
  }

  /** The records that have lines, and the pointers from the other side to them. */
  async #writeEachSide({ rows, each }: LandedMerge, keys: MergeKeys): Promise<void> {
    for (const [key, record] of each) {
      const lines = rows.lines(record.payload);
      const payload = lines.length === 0 ? '' : writeSide(record);
      await this.#writer.hset(keys.each, key, `${writeOrder(record.order)}\0${payload}`);
      for (const { targets } of lines) {
        for (const [place, target] of targets.entries())
          await this.#writer.zadd(keys.refs, `${sideName(target, place)}\0${key}`);
      }
    }
  }

  /** The records that lines point at. */
  async #writeWithSide(landed: LandedMerge, keys: MergeKeys): Promise<void> {
    for (const [place, records] of landed.others.entries()) {
      for (const [key, record] of records)
        await this.#writer.hset(keys.with, sideName(key, place), `${writeOrder(record.order)}\0${writeSide(record)}`);
    }
  }

  /** The lines that may have a merged row. If a newer record lacks such a line, its row must be closed. */
  async #writeOpenLines(landed: LandedMerge, keys: MergeKeys): Promise<void> {
    for (const [key, lines] of openLines(landed)) await this.#writer.hset(keys.open, key, [...lines].join('\0'));
  }

  /**
   * Until the record in doubt comes, this line waits for it. If it met the older content that has landed, its row would step back, and come
   * once more with the newer record. Other lines meet what has landed, and get a row of the newer record when it comes.
   *
   * It comes, or one that is newer than it: its own row is written and its message acknowledged after its merged rows, and whatever of its key
   * and version is not older is a change now, so it is merged, and makes the row of this line. But if the sink has refused it, the line waits
   * until its dead letter is replayed, or another record of its key comes.
   */
  async #writeDoubts({ eachKey, lineId, doubts }: DoubtfulLine, keys: MergeKeys): Promise<void> {
    for (const doubt of doubts) {
      await this.#writeUnknown(doubt);
      const { place, order } = doubt;
      if (place !== undefined)
        await this.#writer.hset(keys.awaited, awaitedName(eachKey, lineId, place), writeOrder(order));
    }
  }

  /** The last accepted content of a record in doubt. */
  async #writeUnknown({ entity, key, order }: Doubt): Promise<void> {
    const { name = '' } = this.#datasets.find((dataset) => dataset.entity === entity) ?? {};
    const id = `${name} ${key}`;
    if (order <= (this.#doubted.get(id) ?? '')) return;
    this.#doubted.set(id, order);
    await this.#writer.hset(this.#keys.ledger(name), key, writeContent(UNKNOWN_CONTENT, order));
  }

  /** The records whose merged rows have to be made once more, and the time that will mark those rows. */
  async #writeUnmerged(landed: LandedMerge, keys: MergeKeys): Promise<void> {
    const at = laterThan(landed.merged, this.#clock.now());
    for (const key of findUnmerged(landed)) {
      const record = landed.each.get(key);
      // With its content even if it has no lines: the record itself is not delivered again.
      if (record !== undefined)
        await this.#writer.hset(keys.each, key, `${writeOrder(record.order)}\0${writeSide(record)}`);
      await this.#writer.zadd(keys.unmerged, key, at);
    }
  }
}

/**
 * The lines of each record that may have a merged row: those of the records that landed, and those whose merged row landed
 * although its record did not, because merged rows are written first.
 */
function openLines({ rows, each, merged }: LandedMerge): Map<string, Set<string>> {
  const open = new Map<string, Set<string>>();
  const add = (key: string, line: string) => {
    const lines = open.get(key);
    if (lines === undefined) open.set(key, new Set([line]));
    else lines.add(line);
  };
  for (const [key, { payload }] of each) for (const { id } of rows.lines(payload)) add(key, id);
  for (const [key, { hash }] of merged) {
    if (isTombstone(hash)) continue;
    const { eachKey, lineId } = readMergedKey(key, rows.withEntities.length);
    add(eachKey, lineId);
  }
  return open;
}

/** A time later than all at which rows were made once more before, even if the clock was ahead then. */
function laterThan(merged: ReadonlyMap<string, NewestRow>, now: number): number {
  let at = now;
  for (const { order } of merged.values()) at = Math.max(at, timeOfRemerge(order) + 1);
  return at;
}
