import { randomBytes } from 'node:crypto';
import type { Row } from '@tributary/shared';
import { afterEach, beforeEach } from 'vitest';
import { writeContent, writeFormed } from '../../src/ledger/content.js';
import { type LedgerKeys, ledgerKeys } from '../../src/ledger/keys.js';
import type { Ledger } from '../../src/ledger/port.js';
import { RedisLedger, type RedisLedgerOptions } from '../../src/ledger/redis.js';
import type { LedgerPipeline } from '../../src/ledger/redis-client.js';
import type { TestRedis } from '../support/test-redis.js';

/** A ledger in an epoch of its own, and the writers that share it. */
export interface LedgerHarness {
  writer(name: string): Ledger;
  /** A writer that sends each call twice, like a client that lost the answer to the first. */
  stutterer(name: string): Ledger;
  /** Removes the epoch, as FLUSHALL does. */
  loseEpoch(): Promise<void>;
  /** Everything that it holds, except leases and fences. */
  state(): Promise<LedgerState>;
  /** Takes a row for committed in the form of before a change of the configuration, as a rebuild at that time does. */
  landInOldForm(row: Row, at: number): Promise<unknown>;
  /** How far the output got, as the commits said. */
  marks(): Promise<Record<string, string>>;
  /** Removes what the test has left. */
  clear(): Promise<void>;
}

export const CUSTOMERS = 'customers';
/** The merge's dataset, where the commit of a newer row removes the claims on older ones. */
export const MERGED = 'customer_inventory';

/** A row of a content; `null` is a tombstone. */
export function rowOf(dataset: string, key: string, content: string | null, order: string): Row {
  const [version = '', messageId = ''] = order.split(' ');
  const values = content === null ? null : { content };
  return { dataset, key, hash: `hash-of-${content}`, order, version, messageId, values };
}

export const uniquePipeline = (): string => `ledger_${randomBytes(5).toString('hex')}`;

/** What the epoch's name holds of the server's run (see enterEpoch). */
export async function runOf(redis: TestRedis): Promise<string> {
  return /run_id:(\w+)/.exec(await redis.info('server'))?.[1]?.slice(0, 16) ?? 'unknown';
}

/** A ledger in a Redis, under a pipeline name that no other test uses. */
export async function redisHarness(redis: TestRedis, pipeline = uniquePipeline()): Promise<LedgerHarness> {
  const epoch = `sink.${await runOf(redis)}.first`;
  const keys = ledgerKeys(pipeline, epoch);
  await redis.set(keys.epoch, epoch);
  const ledger = (client: LedgerClient) => (writer: string) =>
    new RedisLedger({ redis: client, keys, epoch, writer, mergeDatasets: new Set([MERGED]) });
  return {
    writer: ledger(redis),
    stutterer: ledger(stuttering(redis)),
    loseEpoch: async () => void (await redis.del(keys.epoch)),
    landInOldForm: ({ dataset, key, hash, order }, at) =>
      redis.hset(keys.ledger(dataset), key, `${writeFormed(at)}${writeContent(hash, order)}`),
    marks: () => redis.hgetall(keys.marks),
    state: () => stateOf(redis, keys, [CUSTOMERS, MERGED], [MERGED]),
    clear: () => removePipeline(redis, pipeline),
  };
}

/** A client that sends every pipeline twice and gives the second answers. */
function stuttering(redis: TestRedis): LedgerClient {
  return {
    pipeline: () => new Twins(redis.pipeline(), redis.pipeline()),
    script: (command, source) => redis.script(command, source),
    hget: (key, field) => redis.hget(key, field),
    zrange: (...args) => redis.zrange(...args),
    zrem: (...args) => redis.zrem(...args),
  };
}

type LedgerClient = RedisLedgerOptions['redis'];

/** Two pipelines that are sent one after the other. */
class Twins implements LedgerPipeline {
  readonly #first: LedgerPipeline;
  readonly #second: LedgerPipeline;

  constructor(first: LedgerPipeline, second: LedgerPipeline) {
    this.#first = first;
    this.#second = second;
  }

  get length(): number {
    return this.#second.length;
  }

  evalsha(...args: Parameters<LedgerPipeline['evalsha']>): void {
    this.#first.evalsha(...args);
    this.#second.evalsha(...args);
  }

  hset(...args: Parameters<LedgerPipeline['hset']>): void {
    this.#first.hset(...args);
    this.#second.hset(...args);
  }

  zadd(...args: Parameters<LedgerPipeline['zadd']>): void {
    this.#first.zadd(...args);
    this.#second.zadd(...args);
  }

  async exec(): ReturnType<LedgerPipeline['exec']> {
    await this.#first.exec();
    return this.#second.exec();
  }
}

export type LedgerState = Readonly<Record<string, unknown>>;

/** What a ledger holds of these datasets, and of the merges that are named by theirs. */
export async function stateOf(
  redis: TestRedis,
  keys: LedgerKeys,
  datasets: readonly string[],
  merges: readonly string[],
): Promise<LedgerState> {
  const pipeline = redis.pipeline();
  const names: string[] = [];
  const read = (name: string, key: string) => {
    names.push(name);
    pipeline.hgetall(key);
  };
  for (const dataset of datasets) {
    read(`${LEDGER_OF}${dataset}`, keys.ledger(dataset));
  }
  for (const merge of merges) {
    const of = keys.merge(merge);
    read(`each of ${merge}`, of.each);
    read(`with of ${merge}`, of.with);
    read(`open of ${merge}`, of.open);
    read(`awaited of ${merge}`, of.awaited);
    names.push(`refs of ${merge}`);
    pipeline.zrange(of.refs, 0, -1);
  }
  const answers = ((await pipeline.exec()) ?? []).map(([, value], index) => [names[index] ?? '', value] as const);
  return Object.fromEntries(answers.flatMap(([name, value]) => parted(name, value)));
}

/** What is accepted of each key of a ledger, and what is in flight, told apart (prelude.lua). */
function parted(name: string, value: unknown): (readonly [name: string, value: unknown])[] {
  if (!name.startsWith(LEDGER_OF)) return [[name, value]];
  const known = Object.entries(value as Record<string, string>).map(([key, text]) => {
    const [accepted = '', ...lines] = text.split('\n');
    return { key, accepted, lines };
  });
  const accepted = known.filter((one) => one.accepted !== '').map((one) => [one.key, one.accepted]);
  const claims = known.filter(({ lines }) => lines.length > 0).map(({ key, lines }) => [key, lines]);
  return [
    [name, Object.fromEntries(accepted)],
    [`claims of ${name.slice(LEDGER_OF.length)}`, Object.fromEntries(claims)],
  ];
}

const LEDGER_OF = 'ledger of ';

/** Removes the keys of one pipeline, and no others. */
export async function removePipeline(redis: TestRedis, pipeline: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `{${pipeline}}:*`, 'COUNT', 1_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}

/** A ledger for each test, cleared after it. */
export function useLedger(make: () => Promise<LedgerHarness>): () => LedgerHarness {
  let ledger: LedgerHarness | undefined;
  beforeEach(async () => {
    ledger = await make();
  });
  afterEach(async () => {
    await ledger?.clear();
  });
  return () => {
    if (ledger === undefined) throw new Error('a ledger is there only while a test runs');
    return ledger;
  };
}

/** The verdicts on rows of any datasets, in the order of the rows. */
export async function verdictsOf(writer: Ledger, ...rows: readonly Row[]): Promise<string[]> {
  const verdicts: string[] = [];
  const datasets = new Set(rows.map(({ dataset }) => dataset));
  for (const dataset of datasets) {
    const judged = await writer.claim(
      dataset,
      rows.filter((row) => row.dataset === dataset),
    );
    verdicts.push(...judged.map(({ kind }) => kind));
  }
  return verdicts;
}
