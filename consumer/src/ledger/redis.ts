import type { Row } from '@tributary/shared';
import type { Mark } from '../sinks/port.js';
import { type LedgerKeys, sideName } from './keys.js';
import { writeOrder } from './order.js';
import type {
  EachJoin,
  EachRecord,
  KnownKeys,
  Ledger,
  StarPlace,
  Unmerged,
  Verdict,
  WithJoin,
  WithRecord,
} from './port.js';
import type { LedgerRedis } from './redis-client.js';
import { LedgerScripts, type ScriptCall } from './scripts.js';
import {
  checkStatus,
  type JoinAnswer,
  readEachJoin,
  readJoins,
  readSide,
  readVerdicts,
  readWithJoin,
  writeRecord,
  writeRows,
} from './wire.js';

/**
 * Redis runs nothing else while a script runs, so a call holds at most this many rows, which takes a few milliseconds.
 * It must never be over 4,000 (see open_hash in prelude.lua).
 */
const ROWS_PER_CALL = 500;
const RECORDS_PER_JOIN = 128;

/** The lines of most merges point at one side. */
const ALONE: StarPlace = { place: 0, places: 1 };

export interface RedisLedgerOptions {
  readonly redis: Pick<LedgerRedis, 'pipeline' | 'script' | 'hget' | 'zrange' | 'zrem'>;
  readonly keys: LedgerKeys;
  readonly epoch: string;
  readonly writer: string;
  /**
   * The datasets of the merges. No message asks again for a claim on an older merged row, so commits remove it. And a tombstone
   * of a merged row that never was is not written.
   */
  readonly mergeDatasets: ReadonlySet<string>;
}

/** The ledger in Redis. The .lua file of each step says what the step does atomically. */
export class RedisLedger implements Ledger {
  readonly #options: RedisLedgerOptions;
  readonly #scripts: LedgerScripts;
  /** Numbers the calls, so that a call that is sent twice is known as one. */
  #claimCalls = 0;

  constructor(options: RedisLedgerOptions) {
    this.#options = options;
    this.#scripts = new LedgerScripts(options.redis);
  }

  async claim(dataset: string, rows: readonly Row[]): Promise<Verdict[]> {
    const { keys, epoch, writer, mergeDatasets } = this.#options;
    const names = [keys.epoch, keys.leases, keys.fenced, keys.ledger(dataset)];
    const isMerged = mergeDatasets.has(dataset) ? '1' : '0';
    const calls = chunk(rows).map((part) => ({
      keys: names,
      args: [epoch, writer, ++this.#claimCalls, writeRows(part), isMerged],
    }));
    const replies = (await this.#scripts.run('claim', calls)) as string[][];
    const verdicts = replies.flatMap(readVerdicts);
    // If a key, hash or order held a line feed, one row would be read as two. None of them may hold one.
    if (verdicts.length !== rows.length)
      throw new Error(`${dataset}: the ledger gave ${verdicts.length} verdicts for ${rows.length} rows`);
    return verdicts;
  }

  async knows(dataset: string, asked: readonly string[]): Promise<KnownKeys> {
    const { keys, epoch, writer } = this.#options;
    const names = [keys.epoch, keys.fenced, keys.ledger(dataset)];
    const calls = chunk(asked).map((part) => ({ keys: names, args: [epoch, writer, ...part] }));
    const replies = (await this.#scripts.run('knows', calls)) as [status: string, found?: number[], at?: number][];
    const known = replies.flatMap(([status, found = []]) => {
      checkStatus(status);
      return found.map((one) => one === 1);
    });
    return { known, at: Math.min(...replies.map(([, , at = 0]) => at)) };
  }

  async commit(dataset: string, rows: readonly Row[], marks: readonly Mark[] = []): Promise<void> {
    const { keys, epoch, writer, mergeDatasets } = this.#options;
    const names = [keys.epoch, keys.fenced, keys.ledger(dataset), keys.marks];
    const sweep = mergeDatasets.has(dataset) ? '1' : '0';
    const calls = chunk(rows).map((part) => ({
      keys: names,
      args: [epoch, writer, sweep, writeRows(part), ...marks.flatMap(({ name, at }) => [name, at])],
    }));
    for (const reply of (await this.#scripts.run('commit', calls)) as string[]) checkStatus(reply);
  }

  async release(dataset: string, rows: readonly Row[]): Promise<void> {
    const { keys, epoch, writer } = this.#options;
    const names = [keys.epoch, keys.fenced, keys.ledger(dataset)];
    const calls = chunk(rows).map((part) => ({ keys: names, args: [epoch, writer, writeRows(part)] }));
    for (const reply of (await this.#scripts.run('release', calls)) as string[]) checkStatus(reply);
  }

  async doubt(dataset: string, rows: readonly Row[]): Promise<void> {
    const { keys, epoch, writer } = this.#options;
    const names = [keys.epoch, keys.fenced, keys.ledger(dataset)];
    const calls = chunk(rows).map((part) => ({ keys: names, args: [epoch, writer, writeRows(part)] }));
    for (const reply of (await this.#scripts.run('doubt', calls)) as string[]) checkStatus(reply);
  }

  async joinEach(merge: string, records: readonly EachRecord[], places = 1): Promise<(EachJoin | 'superseded')[]> {
    const last = places === 1 ? [] : ['', places];
    const calls = chunk(records, RECORDS_PER_JOIN).map((part) =>
      this.#joinCall(merge, 'each', part, ({ lines }) => lines, last),
    );
    const answers = await this.#join(calls);
    return answers.map((answer, index) => readEachJoin(answer, records[index]?.lines.length ?? 0, places));
  }

  async joinWith(
    merge: string,
    records: readonly WithRecord[],
    count: number,
    { place, places }: StarPlace = ALONE,
  ): Promise<(WithJoin | 'superseded')[]> {
    const named = place === 0 ? records : records.map((one) => ({ ...one, key: sideName(one.key, place) }));
    const last = places === 1 ? [count] : [count, places];
    const calls = chunk(named, Math.ceil(RECORDS_PER_JOIN / count)).map((part) =>
      this.#joinCall(merge, 'with', part, ({ after }) => [after], last),
    );
    const answers = await this.#join(calls);
    return answers.map((answer) => readWithJoin(answer, count, places));
  }

  #joinCall<T extends EachRecord | WithRecord>(
    merge: string,
    kind: 'each' | 'with',
    records: readonly T[],
    more: (record: T) => readonly string[],
    last: readonly (number | string)[] = [],
  ): ScriptCall {
    const { keys, epoch, writer } = this.#options;
    const of = keys.merge(merge);
    return {
      keys: [keys.epoch, keys.fenced, of.each, of.with, of.refs, of.open, of.awaited],
      args: [epoch, writer, kind, records.map((one) => writeRecord(one, more(one))).join(''), ...last],
    };
  }

  async #join(calls: readonly ScriptCall[]): Promise<JoinAnswer[]> {
    return (await this.#scripts.run('join', calls)).flatMap((reply) => readJoins(reply));
  }

  async closeLines(merge: string, records: readonly EachRecord[]): Promise<void> {
    const { keys, epoch, writer } = this.#options;
    const of = keys.merge(merge);
    const names = [keys.epoch, keys.fenced, of.each, of.open];
    const calls = chunk(records).map((part) => ({
      keys: names,
      args: [epoch, writer, ...part.flatMap(({ key, order, lines }) => [key, writeOrder(order), lines.join('\0')])],
    }));
    for (const reply of (await this.#scripts.run('close', calls)) as string[]) checkStatus(reply);
  }

  // The next two need no script: what they touch belongs to the epoch, and doing it twice does no harm.

  async unmerged(merge: string, count: number): Promise<Unmerged[]> {
    const { redis, keys } = this.#options;
    const of = keys.merge(merge);
    const found = chunk(await redis.zrange(of.unmerged, 0, count - 1, 'WITHSCORES'), 2);
    const sides = await Promise.all(found.map(([key = '']) => redis.hget(of.each, key)));
    return found.map(([key = '', at], index) => ({
      key,
      side: readSide(sides[index] ?? undefined),
      at: Number(at),
    }));
  }

  async remerged(merge: string, records: readonly string[]): Promise<void> {
    const { redis, keys } = this.#options;
    if (records.length > 0) await redis.zrem(keys.merge(merge).unmerged, ...records);
  }

  async renewLease(milliseconds: number): Promise<void> {
    const { keys, epoch, writer } = this.#options;
    const call = { keys: [keys.epoch, keys.leases, keys.fenced], args: [epoch, writer, milliseconds] };
    for (const reply of (await this.#scripts.run('lease', [call])) as string[]) checkStatus(reply);
  }

  releaseLease(): Promise<void> {
    return this.renewLease(0);
  }
}

function chunk<T>(items: readonly T[], size = ROWS_PER_CALL): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < items.length; from += size) chunks.push(items.slice(from, from + size));
  return chunks;
}
