import type { Row } from '@tributary/shared';
import { WriterLost } from '../writer-lost.js';
import { type LedgerKeys, ledgerHash } from './keys.js';
import type { EachJoin, EachRecord, Ledger, Side, Unmerged, Verdict, WithJoin, WithRecord } from './port.js';
import type { LedgerRedis } from './redis-client.js';
import { LedgerScripts, type ScriptCall } from './scripts.js';

/**
 * Redis runs nothing else while a script runs, so a call holds at most this many rows, which takes a few milliseconds.
 * It must never be over 4,000 (see open_hash in prelude.lua).
 */
const ROWS_PER_CALL = 500;
const RECORDS_PER_JOIN = 128;

const ACCEPT: Verdict = { kind: 'accept' };
const VERDICTS: Readonly<Record<string, Verdict>> = {
  A: ACCEPT,
  D: { kind: 'duplicate' },
  S: { kind: 'stale' },
  B: { kind: 'busy' },
};

export interface RedisLedgerOptions {
  readonly redis: Pick<LedgerRedis, 'pipeline' | 'script' | 'hget' | 'zrange' | 'zrem'>;
  readonly keys: LedgerKeys;
  readonly epoch: string;
  readonly writer: string;
  /** The datasets of the merges. No message asks again for a claim on an older merged row, so commits remove it. */
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
    const { keys, epoch, writer } = this.#options;
    const names = [keys.epoch, keys.leases, keys.fenced, keys.ledger(dataset), keys.claims(dataset)];
    const calls = chunk(rows).map((part) => ({
      keys: names,
      args: [epoch, writer, ++this.#claimCalls, writeRows(part)],
    }));
    const replies = (await this.#scripts.run('claim', calls)) as string[][];
    const verdicts = replies.flatMap(readVerdicts);
    // If a key, hash or order held a line feed, one row would be read as two. None of them may hold one.
    if (verdicts.length !== rows.length)
      throw new Error(`${dataset}: the ledger gave ${verdicts.length} verdicts for ${rows.length} rows`);
    return verdicts;
  }

  async commit(dataset: string, rows: readonly Row[]): Promise<void> {
    const { keys, epoch, writer, mergeDatasets } = this.#options;
    const names = [keys.epoch, keys.fenced, keys.ledger(dataset), keys.claims(dataset)];
    const sweep = mergeDatasets.has(dataset) ? '1' : '0';
    const calls = chunk(rows).map((part) => ({
      keys: names,
      args: [epoch, writer, sweep, writeRows(part)],
    }));
    for (const reply of (await this.#scripts.run('commit', calls)) as string[]) checkStatus(reply);
  }

  async joinEach(merge: string, records: readonly EachRecord[]): Promise<(EachJoin | 'superseded')[]> {
    const calls = chunk(records, RECORDS_PER_JOIN).map((part) =>
      this.#joinCall(merge, 'each', part, ({ lines }) => lines),
    );
    const answers = await this.#join(calls);
    return answers.map(({ sides, values }, index) => {
      if (values === 'superseded') return 'superseded';
      const sideAt = (value: string | number | undefined) => sides[Number(value) - 1];
      const count = records[index]?.lines.length ?? 0;
      const closed: { line: string; side: Side | undefined }[] = [];
      for (let at = count; at < values.length; at += 2) {
        closed.push({ line: String(values[at]), side: sideAt(values[at + 1]) });
      }
      return { found: values.slice(0, count).map(sideAt), closed };
    });
  }

  async joinWith(merge: string, records: readonly WithRecord[], count: number): Promise<(WithJoin | 'superseded')[]> {
    const calls = chunk(records, Math.ceil(RECORDS_PER_JOIN / count)).map((part) =>
      this.#joinCall(merge, 'with', part, ({ after }) => [after], [count]),
    );
    const answers = await this.#join(calls);
    return answers.map(({ values: told }) => {
      const values = told as readonly string[] | 'superseded';
      if (values === 'superseded') return 'superseded';
      const pointing: { key: string; side: Side }[] = [];
      for (let at = 0; at < values.length; at += 2) {
        const side = readSide(values[at + 1]);
        if (side !== undefined) pointing.push({ key: values[at] ?? '', side });
      }
      return { pointing, after: values.length < count * 2 ? undefined : values.at(-2) };
    });
  }

  #joinCall<T extends EachRecord | WithRecord>(
    merge: string,
    kind: 'each' | 'with',
    records: readonly T[],
    more: (record: T) => readonly string[],
    last: readonly number[] = [],
  ): ScriptCall {
    const { keys, epoch, writer } = this.#options;
    const of = keys.merge(merge);
    return {
      keys: [keys.epoch, keys.fenced, of.each, of.with, of.refs, of.open],
      args: [epoch, writer, kind, records.map((one) => writeRecord(one, more(one))).join(''), ...last],
    };
  }

  async #join(calls: readonly ScriptCall[]): Promise<JoinAnswer[]> {
    const replies = (await this.#scripts.run('join', calls)) as JoinReply[];
    return replies.flatMap(([status, texts = [], ...answers]) => {
      checkStatus(status);
      const sides = texts.map(readSide);
      return answers.map((values) => ({ sides, values: values === 0 ? ('superseded' as const) : values }));
    });
  }

  async closeLines(merge: string, records: readonly EachRecord[]): Promise<void> {
    const { keys, epoch, writer } = this.#options;
    const of = keys.merge(merge);
    const names = [keys.epoch, keys.fenced, of.each, of.open];
    const calls = chunk(records).map((part) => ({
      keys: names,
      args: [epoch, writer, ...part.flatMap(({ key, order, lines }) => [key, order, lines.join('\0')])],
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

/** What join.lua returns. */
type JoinReply = [status: string, sides?: string[], ...answers: ((string | number)[] | 0)[]];

interface JoinAnswer {
  readonly sides: readonly (Side | undefined)[];
  readonly values: readonly (string | number)[] | 'superseded';
}

/** A record as join.lua reads it. */
function writeRecord({ key, order, payload }: EachRecord | WithRecord, more: readonly string[]): string {
  let text = `${key}\x1f${order}\x1f${payload}\x1f`;
  for (const one of more) text += `${one}\x1f`;
  return `${text}\n`;
}

/** Rows as the scripts read them: see read_rows in prelude.lua. */
function writeRows(rows: readonly Row[]): string {
  let text = '';
  for (const { key, hash, order, values } of rows) text += `${key}\n${ledgerHash(hash, values === null)}\n${order}\n`;
  return text;
}

function readVerdicts([status = '', letters = '', ...takenOver]: string[]): Verdict[] {
  checkStatus(status);
  return Array.from(letters, (letter) => VERDICTS[letter] ?? readTakeOver(takenOver.shift()));
}

function readTakeOver(text = ''): Verdict {
  const space = text.indexOf(' ');
  return { kind: 'accept', takenFrom: text.slice(0, space).split(','), takenOrders: text.slice(space + 1).split('\r') };
}

function readSide(text: string | undefined): Side | undefined {
  if (text === undefined || text === '') return undefined;
  const split = text.indexOf('\0');
  const payload = text.slice(split + 1);
  // The record is known to be there, but its content is not: see rebuild.ts.
  return payload === '' ? undefined : { order: text.slice(0, split), payload };
}

function checkStatus(status: string): void {
  if (status === 'lost' || status === 'fenced') throw new WriterLost(status);
}

function chunk<T>(items: readonly T[], size = ROWS_PER_CALL): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < items.length; from += size) chunks.push(items.slice(from, from + size));
  return chunks;
}
