import {
  compileEntity,
  createLogger,
  type PipelineConfig,
  parsePipeline,
  type Row,
  systemClock,
} from '@tributary/shared';
import { aggregatesOf } from '../../src/aggregate/compile.js';
import type { HolderRedis } from '../../src/aggregate/holder.js';
import { Hurry } from '../../src/aggregate/hurry.js';
import { keepAggregates } from '../../src/aggregate/keep.js';
import type { Sink, SinkWriter } from '../../src/sinks/port.js';
import { messageId } from '../sinks/records.js';
import { type Sale, valuesOf } from './oracle.js';

export const PIPELINE = `
entities:
  sale:
    dataset: sales
    queue: sale_data
    key: id
    fields: { id: string, shop: string?, total: decimal?, weight: number?, units: integer?, placed: datetime?, buyer: string? }
endpoints: {}
aggregates:
  by_shop:
    from: sales
    by: [shop]
    window: { column: placed, every: day, zone: Europe/Berlin }
    metrics:
      sales: count
      revenue: { sum: total }
      mean: { average: total, decimals: 3 }
      least: { min: total }
      most: { max: total }
      first: { min: placed }
      weight: { sum: weight }
      units: { sum: units }
      buyers: { distinct: buyer }
  in_all: { from: sales, metrics: { sales: count, revenue: { sum: total } } }
`;

export const aggregatePipeline = (yaml = PIPELINE): PipelineConfig => parsePipeline(yaml, {}, 'the test');

/** The part of Redis that says who keeps the aggregates; leases run out when a test says so. */
class MemoryHolder implements HolderRedis {
  lease: string | undefined;
  readonly writers = new Set<string>();

  async set(_key: string, value: string): Promise<unknown> {
    if (this.lease !== undefined) return null;
    this.lease = value;
    return 'OK';
  }
  async get(): Promise<string | null> {
    return this.lease ?? null;
  }
  async pexpire(): Promise<unknown> {
    return 1;
  }
  async del(): Promise<unknown> {
    this.lease = undefined;
    return 1;
  }
  async sadd(_key: string, member: string): Promise<unknown> {
    return this.writers.add(member);
  }
  async smembers(): Promise<string[]> {
    return [...this.writers];
  }
  async srem(_key: string, member: string): Promise<unknown> {
    return this.writers.delete(member);
  }
}

class Crash extends Error {}

/** Lets a process die before or behind its step number `at`: from then on, nothing that it does has any effect. */
export class Steps {
  readonly #at: number;
  #count = 0;

  constructor(at: number) {
    this.#at = at;
  }

  get isDead(): boolean {
    return this.#count > this.#at;
  }

  step(): void {
    if (this.#count++ >= this.#at) throw new Crash('died');
  }

  of<T extends object>(port: T, wrap: (name: string, result: unknown) => unknown = (_, result) => result): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const result: unknown = Reflect.apply(member as () => unknown, target, args);
          if (!(result instanceof Promise)) return this.#streamed(result);
          return this.#behind(name.toString(), () => result, wrap);
        };
      },
    });
  }

  async #behind(name: string, work: () => Promise<unknown>, wrap: (name: string, result: unknown) => unknown) {
    const result = await work();
    this.step();
    return wrap(name, result);
  }

  async *#streamed(rows: unknown) {
    this.step();
    for await (const row of rows as AsyncIterable<unknown>) {
      this.step();
      yield row;
    }
  }
}

const log = createLogger({ service: 'consumer', instance: 'test', level: 'silent' });

/** One pipeline over an output: a writer of sales, and whoever keeps the aggregates. */
export class World {
  readonly config: PipelineConfig;
  readonly sink: Sink;
  /** Rows of aggregates that were written. */
  written = 0;
  readonly redis = new MemoryHolder();
  readonly sales = new Map<string, Sale>();
  readonly #entity;
  readonly outputs: SinkWriter[] = [];
  #writer: SinkWriter | undefined;
  #messages = 0;
  #epochs = 0;
  #epoch = '';
  #writers = 0;

  constructor(sink: Sink, config = aggregatePipeline()) {
    this.sink = sink;
    this.config = config;
    const sale = config.entities.sale;
    if (sale === undefined) throw new Error('no sales');
    this.#entity = compileEntity('sale', sale);
  }

  async begin(): Promise<void> {
    this.#epoch = `sink.run.${++this.#epochs}`;
    await this.sink.beginEpoch(this.#epoch);
    await this.sink.prepare?.(this.#epoch);
    this.#writer = await this.sink.open(`sales-writer-${this.#epochs}`, this.#epoch);
    this.outputs.push(this.#writer);
  }

  async write(changes: readonly (readonly [id: string, sale: Sale | undefined])[]): Promise<void> {
    const rows = changes.map(([id, sale]): Row => {
      if (sale === undefined) this.sales.delete(id);
      else this.sales.set(id, sale);
      const id_ = messageId(++this.#messages);
      const decoded = this.#entity.decode(sale === undefined ? { id, _deleted: true } : valuesOf(id, sale));
      const { key, version, hash, payload } = decoded;
      const order = `${version} ${id_}`;
      return { dataset: 'sales', key, hash, order, version, messageId: id_, values: payload };
    });
    await this.#writer?.write('sales', rows);
  }

  /**
   * Calculates once, or a second time by the same writer.
   * @param between what is done before the second time
   * @returns whether it came to its end
   */
  async calculate(
    steps = new Steps(Number.POSITIVE_INFINITY),
    onOpen = (output: SinkWriter) => output,
    between?: () => Promise<void>,
  ): Promise<boolean> {
    const over = new AbortController();
    const hurry = new Hurry();
    const sink = steps.of(this.sink, (name, result) => {
      if (name !== 'open') return result;
      this.outputs.push(result as SinkWriter);
      return steps.of(onOpen(result as SinkWriter));
    });
    const died = new Promise<false>((resolve) => {
      const look = setInterval(() => {
        if (steps.isDead) resolve(false);
        if (steps.isDead || over.signal.aborted) clearInterval(look);
      }, 1);
    });
    const ended = keepAggregates({
      aggregates: aggregatesOf(this.config),
      redis: steps.of(this.redis),
      keys: { aggregates: 'aggregates', aggregators: 'aggregators' },
      sink,
      epoch: this.#epoch,
      nameWriter: () => `aggregates-${++this.#writers}`,
      clock: systemClock,
      log,
      tell: {
        written: (_, rows) => {
          this.written += rows.length;
        },
        upToDate() {},
        failed() {},
        over() {},
      },
      hurry,
      signal: over.signal,
    });
    const isDone = await Promise.race([hurry.ask(), died]);
    if (between !== undefined) await between().then(() => hurry.ask());
    over.abort();
    await ended;
    return isDone;
  }

  /** Closes what writers that died have left open. */
  async end(): Promise<void> {
    for (const output of this.outputs) await output.close().catch(() => {});
    await this.sink.close();
  }

  /** The lease of whoever died runs out. */
  expire(): void {
    this.redis.lease = undefined;
  }

  async rows(name: string): Promise<unknown[]> {
    const dataset = aggregatesOf(this.config).find((one) => one.dataset.name === name)?.dataset;
    if (dataset === undefined) throw new Error(`no ${name}`);
    const newest = new Map<string, { order: string; values: unknown }>();
    for await (const row of this.sink.scan(dataset)) {
      const order = dataset.orderOf(row.version, row.messageId);
      if ((newest.get(row.key)?.order ?? '') < order)
        newest.set(row.key, { order, values: row.deleted ? undefined : { ...row.values } });
    }
    return [...newest.values()].flatMap(({ values }) => values ?? []);
  }
}
