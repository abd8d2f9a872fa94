import {
  type Clock,
  type Dataset,
  datasetsOf,
  type MergeConfig,
  type PipelineConfig,
  type Redis,
} from '@tributary/shared';
import { isTombstone, type LedgerKeys, ledgerHash } from '../ledger/keys.js';
import { createMergeRows, linesOf, type MergeSide, readMergedKey, timeOfRemerge, writeSide } from '../merge/rows.js';
import type { Sink } from '../sinks/port.js';
import { findDoubts, UNKNOWN_CONTENT } from './doubts.js';
import type { Rebuild } from './epoch.js';
import { findUnmerged } from './unmerged.js';

/** The newest landed row of a key, or as much of it as the ledger keeps. */
interface Latest {
  readonly order: string;
  readonly hash: string;
  /** Only for datasets that are a side of the merge. */
  readonly side: Omit<MergeSide, 'key'> | undefined;
}

const WRITES_AT_ONCE = 1_000;

/**
 * Rebuilds the ledger and the merge's state from what has landed. The caller has fenced every writer before, so
 * nothing lands while this reads.
 */
export function rebuildFromSink(redis: Redis, config: PipelineConfig, sink: Sink, clock: Clock): Rebuild {
  return async (keys) => {
    const [merge] = config.merges;
    const mergeRows = createMergeRows(config);
    const writer = new PipelineWriter(redis);
    const open = new OpenLines();
    const landed = new Map<string, ReadonlyMap<string, Latest>>();
    // The merge's dataset is the last.
    for (const dataset of datasetsOf(config)) {
      const isSide = merge !== undefined && [merge.each.entity, merge.with.entity].includes(dataset.entity ?? '');
      const latest = await newestRows(sink, dataset, isSide);
      for (const [key, { hash, order }] of latest)
        await writer.hset(keys.ledger(dataset.name), key, `${hash} ${order}`);
      if (isSide) {
        await rebuildSide(writer, keys, merge, dataset, latest, open);
        landed.set(dataset.entity ?? '', latest);
      }
      if (mergeRows === undefined || dataset.name !== mergeRows.dataset) continue;
      open.addMerged(latest);
      await writer.flush();
      for (const { entity, key, order } of await findDoubts(redis, keys, mergeRows, latest, landed)) {
        const { dataset: own = '' } = config.entities[entity] ?? {};
        await writer.hset(keys.ledger(own), key, `${UNKNOWN_CONTENT} ${order}`);
        // What lines point at would step back to what it was, and all its merged rows come once more when it is here: until
        // then it has no content to merge with. Whatever has a newer version is still on its way.
        const before = landed.get(entity)?.get(key)?.order ?? '';
        if (entity === mergeRows.withEntity && versionOf(order) > versionOf(before)) {
          await writer.hset(keys.with, key, `${order}\0`);
        }
      }
      const [each, others] = [mergeRows.eachEntity, mergeRows.withEntity].map((entity) => landed.get(entity));
      if (each === undefined || others === undefined) continue;
      // Behind whatever was made once more before, also by a clock that was ahead.
      let at = clock.now();
      for (const { order } of latest.values()) at = Math.max(at, timeOfRemerge(order) + 1);
      for (const key of findUnmerged(mergeRows, each, others, latest)) {
        const { order = '', side } = each.get(key) ?? {};
        if (side !== undefined) await writer.hset(keys.each, key, `${order}\0${writeSide(side)}`);
        await writer.zadd(keys.unmerged, key, at);
      }
    }
    await open.write(writer, keys);
    await writer.flush();
  };
}

/** An order is a version and a message's id. The same version under another id may be the same record, fetched again. */
const versionOf = (order: string): string => order.slice(0, order.lastIndexOf(' '));

async function newestRows(sink: Sink, dataset: Dataset, isSide: boolean): Promise<Map<string, Latest>> {
  const latest = new Map<string, Latest>();
  for await (const row of sink.scan(dataset)) {
    const order = dataset.orderOf(row.version, row.messageId);
    const known = latest.get(row.key);
    if (known !== undefined && known.order >= order) continue;
    latest.set(row.key, {
      order,
      hash: ledgerHash(row.hash, row.deleted),
      side: isSide ? { version: row.version, messageId: row.messageId, payload: row.values } : undefined,
    });
  }
  return latest;
}

async function rebuildSide(
  writer: PipelineWriter,
  keys: LedgerKeys,
  merge: MergeConfig,
  dataset: Dataset,
  latest: ReadonlyMap<string, Latest>,
  open: OpenLines,
): Promise<void> {
  const isEach = dataset.entity === merge.each.entity;
  for (const [key, { order, side }] of latest) {
    if (side === undefined) continue;
    const lines = isEach ? linesOf(merge, side.payload) : [];
    const payload = isEach && lines.length === 0 ? '' : writeSide(side);
    await writer.hset(isEach ? keys.each : keys.with, key, `${order}\0${payload}`);
    for (const line of lines) {
      await writer.zadd(keys.refs, `${line.target}\0${key}`);
      open.add(key, line.id);
    }
  }
}

/**
 * The lines that may have a merged row: those of the records that landed, and those whose merged row landed although
 * its record did not (the merged rows are written first). If a newer record lacks such a line, it must be closed.
 */
class OpenLines {
  readonly #lines = new Map<string, Set<string>>();

  add(eachKey: string, lineId: string): void {
    const lines = this.#lines.get(eachKey);
    if (lines === undefined) this.#lines.set(eachKey, new Set([lineId]));
    else lines.add(lineId);
  }

  addMerged(latest: ReadonlyMap<string, Latest>): void {
    for (const [key, { hash }] of latest) {
      if (isTombstone(hash)) continue;
      const { eachKey, lineId } = readMergedKey(key);
      this.add(eachKey, lineId);
    }
  }

  async write(writer: PipelineWriter, keys: LedgerKeys): Promise<void> {
    for (const [key, lines] of this.#lines) await writer.hset(keys.open, key, [...lines].join('\0'));
  }
}

/** Writes without a round trip for each, and without holding all of them at once. */
class PipelineWriter {
  #pipeline;
  constructor(private readonly redis: Redis) {
    this.#pipeline = redis.pipeline();
  }
  hset(key: string, field: string, value: string): Promise<void> | undefined {
    this.#pipeline.hset(key, field, value);
    return this.#afterWrite();
  }
  zadd(key: string, member: string, score = 0): Promise<void> | undefined {
    this.#pipeline.zadd(key, score, member);
    return this.#afterWrite();
  }
  async flush(): Promise<void> {
    const results = (await this.#pipeline.exec()) ?? [];
    const failure = results.find(([error]) => error !== null)?.[0];
    if (failure) throw failure;
    this.#pipeline = this.redis.pipeline();
  }
  #afterWrite(): Promise<void> | undefined {
    return this.#pipeline.length >= WRITES_AT_ONCE ? this.flush() : undefined;
  }
}
