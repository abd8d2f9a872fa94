import type { Row } from '@tributary/shared';
import { type LedgerKeys, ledgerHash } from './keys.js';
import {
  type EachJoin,
  type EachRecord,
  type Ledger,
  type Side,
  type Verdict,
  type WithJoin,
  type WithRecord,
  WriterLost,
} from './port.js';
import type { LedgerScripts } from './scripts.js';

/** Redis runs nothing else while a script runs: at most this many rows a call, a few milliseconds. */
const ROWS_PER_CALL = 500;

const ACCEPT: Verdict = { kind: 'accept' };
const VERDICTS: Readonly<Record<string, Verdict>> = {
  A: ACCEPT,
  D: { kind: 'duplicate' },
  S: { kind: 'stale' },
  B: { kind: 'busy' },
};

export interface RedisLedgerOptions {
  readonly scripts: LedgerScripts;
  readonly keys: LedgerKeys;
  readonly epoch: string;
  readonly writer: string;
  /** The merge's dataset, whose superseded claims nobody asks for again. */
  readonly mergeDataset: string | undefined;
}

/** The ledger in Redis; what each step does atomically is written in the .lua file of its name. */
export class RedisLedger implements Ledger {
  /** Numbers the calls, so that one that is sent twice is known as one. */
  #claimCalls = 0;

  constructor(private readonly options: RedisLedgerOptions) {}

  async claim(dataset: string, rows: readonly Row[]): Promise<Verdict[]> {
    const { scripts, keys, epoch, writer } = this.options;
    const names = [keys.epoch, keys.leases, keys.fenced, keys.ledger(dataset), keys.claims(dataset)];
    const calls = chunk(rows).map((part) => ({
      keys: names,
      args: [epoch, writer, ++this.#claimCalls, ...part.flatMap(ledgerEntry)],
    }));
    const replies = (await scripts.run('claim', calls)) as string[][];
    return replies.flatMap((reply) => checked(reply).map(readVerdict));
  }

  async commit(dataset: string, rows: readonly Row[]): Promise<void> {
    const { scripts, keys, epoch, writer, mergeDataset } = this.options;
    const names = [keys.epoch, keys.fenced, keys.ledger(dataset), keys.claims(dataset)];
    const sweep = dataset === mergeDataset ? '1' : '0';
    const calls = chunk(rows).map((part) => ({
      keys: names,
      args: [epoch, writer, sweep, ...part.flatMap(ledgerEntry)],
    }));
    for (const reply of (await scripts.run('commit', calls)) as string[]) checkStatus(reply);
  }

  async joinEach(records: readonly EachRecord[]): Promise<(EachJoin | 'superseded')[]> {
    const { scripts, epoch, writer } = this.options;
    const calls = records.map(({ key, order, payload, lines }) => ({
      keys: this.#joinKeys(),
      args: [epoch, writer, 'each', key, order, payload, ...lines],
    }));
    const replies = (await scripts.run('join', calls)) as string[][];
    return replies.map((reply, index) => {
      if (reply[0] === 'superseded') return 'superseded';
      const values = checked(reply);
      const count = records[index]?.lines.length ?? 0;
      const closed: { line: string; side: Side | undefined }[] = [];
      for (let at = count + 1; at < values.length; at += 2) {
        closed.push({ line: values[at] ?? '', side: readSide(values[at + 1]) });
      }
      return { found: values.slice(0, count).map(readSide), closed };
    });
  }

  async joinWith(records: readonly WithRecord[], count: number): Promise<(WithJoin | 'superseded')[]> {
    const { scripts, epoch, writer } = this.options;
    const calls = records.map(({ key, order, payload, after }) => ({
      keys: this.#joinKeys(),
      args: [epoch, writer, 'with', key, order, payload, after, count],
    }));
    const replies = (await scripts.run('join', calls)) as string[][];
    return replies.map((reply) => {
      if (reply[0] === 'superseded') return 'superseded';
      const values = checked(reply);
      const pointing: { key: string; side: Side }[] = [];
      for (let at = 0; at < values.length; at += 2) {
        const side = readSide(values[at + 1]);
        if (side !== undefined) pointing.push({ key: values[at] ?? '', side });
      }
      return { pointing, after: values.length < count * 2 ? undefined : values.at(-2) };
    });
  }

  async closeLines(records: readonly EachRecord[]): Promise<void> {
    const { scripts, keys, epoch, writer } = this.options;
    const names = [keys.epoch, keys.fenced, keys.each, keys.open];
    const calls = chunk(records).map((part) => ({
      keys: names,
      args: [epoch, writer, ...part.flatMap(({ key, order, lines }) => [key, order, lines.join('\0')])],
    }));
    for (const reply of (await scripts.run('close', calls)) as string[]) checkStatus(reply);
  }

  async renewLease(milliseconds: number): Promise<void> {
    const { scripts, keys, epoch, writer } = this.options;
    const call = { keys: [keys.epoch, keys.leases, keys.fenced], args: [epoch, writer, milliseconds] };
    for (const reply of (await scripts.run('lease', [call])) as string[]) checkStatus(reply);
  }

  releaseLease(): Promise<void> {
    return this.renewLease(0);
  }

  #joinKeys(): string[] {
    const { keys } = this.options;
    return [keys.epoch, keys.fenced, keys.each, keys.with, keys.refs, keys.open];
  }
}

const ledgerEntry = (row: Row): string[] => [row.key, ledgerHash(row.hash, row.values === null), row.order];

function readVerdict(text: string): Verdict {
  const known = VERDICTS[text];
  if (known !== undefined) return known;
  const space = text.indexOf(' ');
  return { kind: 'accept', takenFrom: text.slice(1, space).split(','), takenOrders: text.slice(space + 1).split('\r') };
}

function readSide(text: string | undefined): Side | undefined {
  if (text === undefined || text === '') return undefined;
  const split = text.indexOf('\0');
  return { order: text.slice(0, split), payload: text.slice(split + 1) };
}

function checked([status = '', ...values]: string[]): string[] {
  checkStatus(status);
  return values;
}

function checkStatus(status: string): void {
  if (status === 'lost' || status === 'fenced') throw new WriterLost(status);
}

function chunk<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < items.length; from += ROWS_PER_CALL) chunks.push(items.slice(from, from + ROWS_PER_CALL));
  return chunks;
}
