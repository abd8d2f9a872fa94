import { type Clock, type Dataset, describeError, type Logger, type Row } from '@tributary/shared';
import type { LedgerKeys } from '../ledger/keys.js';
import type { Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';
import type { Aggregate, Grouping } from './groups.js';
import { AggregateHolder, HOLD_EVERY, type HolderRedis } from './holder.js';
import type { Hurry } from './hurry.js';
import { KeptGroups } from './kept.js';
import { newestRows } from './newest.js';

export interface AggregatesOptions {
  readonly aggregates: readonly Aggregate[];
  readonly redis: HolderRedis;
  readonly keys: Pick<LedgerKeys, 'aggregates' | 'aggregators'>;
  readonly sink: Pick<Sink, 'scan' | 'newest' | 'changeOf' | 'open' | 'takeOver'>;
  readonly epoch: string;
  /** Names a writer; each name is used once. */
  readonly nameWriter: () => string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: AggregatesTold;
  readonly hurry: Hurry;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
}

/** What is told of the aggregates, to metrics and people. */
export interface AggregatesTold {
  written(dataset: string, rows: readonly Row[]): void;
  /**
   * @param asOf the groups are those of the rows that there were at this time, in milliseconds since 1970, or of newer ones
   * @param milliseconds how long it took; undefined if nothing had changed
   */
  upToDate(dataset: string, asOf: number, milliseconds: number | undefined): void;
  failed(dataset: string): void;
  /** Another consumer may keep them up to date now. */
  over(): void;
}

/** Milliseconds to wait after a failure; it doubles each time. */
const RETRY = 1_000;
const LONGEST_RETRY = 30_000;

/** Calculating takes at most one part in so many of the time. */
const SHARE = 10;

/**
 * Keeps aggregates up to date, for as long as the session lasts; of several consumers, one does it at a time.
 *
 * Nothing is counted up or down: the groups are calculated from the newest rows of the source, whole, and what differs from the rows that
 * there are is written. So they are right whatever happened before, and wherever a consumer dies, the next calculation makes them so.
 */
export async function keepAggregates(options: AggregatesOptions): Promise<void> {
  const { aggregates, clock, log, tell, hurry, signal } = options;
  if (aggregates.length === 0) return;
  for (let failures = 0; !signal.aborted; ) {
    let wait = HOLD_EVERY;
    try {
      await new HeldAggregates(options).run(() => {
        failures = 0;
      });
    } catch (error) {
      wait = Math.min(RETRY * 2 ** failures++, LONGEST_RETRY);
      const reason = describeError(error);
      // Another consumer has taken over, or the session is over, which ends this as well.
      if (signal.aborted || error instanceof WriterLost)
        log.debug({ reason }, 'the aggregates are kept by another writer');
      else log.warn({ reason }, 'the aggregates could not be calculated; trying again');
    }
    tell.over();
    await clock.sleep(wait, failures > 0 ? signal : AbortSignal.any([signal, hurry.asked]));
  }
}

/** The aggregates of one dataset: its rows are read once for all of them. */
interface Source {
  readonly dataset: Dataset;
  readonly kept: readonly KeptGroups[];
  readonly columns: readonly string[];
  /** Milliseconds. */
  readonly every: number;
  /** What the source was like before the last calculation; undefined before the first, or where the sink does not tell. */
  change: string | undefined;
  /** What the rows of the aggregates were like behind it. */
  own: string | undefined;
  /** When it is looked at the next time, by the clock that is never set. */
  due: number;
}

/** One writer of aggregates, from its lease to its end. */
class HeldAggregates {
  readonly #options: AggregatesOptions;
  readonly #writer: string;
  readonly #holder: AggregateHolder;

  constructor(options: AggregatesOptions) {
    this.#options = options;
    this.#writer = options.nameWriter();
    this.#holder = new AggregateHolder(options.redis, options.keys, this.#writer);
  }

  /**
   * Returns when another consumer has the lease, or the session is over.
   * @param onCalculated called after each calculation that succeeded
   */
  async run(onCalculated: () => void): Promise<void> {
    const { sink, epoch } = this.#options;
    if (!(await this.#holder.take())) {
      this.#options.hurry.refuse();
      return;
    }
    const over = new AbortController();
    const holding = this.#hold(over);
    try {
      await this.#holder.fenceOthers((writer) => sink.takeOver(writer));
      const output = await sink.open(this.#writer, epoch);
      try {
        const sources = this.#sourcesOf((aggregate) => this.#keptOf(aggregate, output));
        await this.#work(sources, AbortSignal.any([over.signal, this.#options.signal]), onCalculated);
      } finally {
        await output.close();
      }
    } finally {
      over.abort();
      await holding;
      // Otherwise it runs out by itself.
      await this.#holder.giveBack().catch(() => {});
    }
  }

  /** Keeps the lease. It needs no certainty: whoever takes it fences this writer. */
  async #hold(over: AbortController): Promise<void> {
    const { clock } = this.#options;
    while (!over.signal.aborted) {
      await clock.sleep(HOLD_EVERY, over.signal);
      if (over.signal.aborted) return;
      // While Redis is away nobody else takes it.
      if (!(await this.#holder.renew().catch(() => true))) over.abort();
    }
  }

  async #work(sources: readonly Source[], over: AbortSignal, onCalculated: () => void): Promise<void> {
    const { clock, hurry } = this.#options;
    while (!over.aborted) {
      const served = hurry.begin();
      for (const source of sources) {
        if (served === undefined && clock.monotonic() < source.due) continue;
        const began = clock.monotonic();
        await this.#look(source, over);
        if (over.aborted) return;
        onCalculated();
        const took = clock.monotonic() - began;
        source.due = began + Math.max(source.every, took * SHARE);
      }
      served?.();
      const next = Math.min(...sources.map(({ due }) => due));
      await clock.sleep(Math.max(0, next - clock.monotonic()), AbortSignal.any([over, hurry.asked]));
    }
  }

  /** Calculates the groups of a source, unless it is as it was. */
  async #look(source: Source, over: AbortSignal): Promise<void> {
    const { sink, clock, log, tell } = this.#options;
    const { dataset, kept } = source;
    const began = clock.monotonic();
    const asOf = clock.now();
    // Before the rows are read: what changes meanwhile is seen by the next look.
    const change = await sink.changeOf?.(dataset);
    const isOwn = (await this.#own(source)) === source.own;
    const isSame = change !== undefined && change === source.change && isOwn;
    if (!isSame) {
      // A person has emptied a table, or removed parts: what is remembered of them is not there any more.
      if (!isOwn) for (const one of kept) one.forget();
      const begun = kept.map((one) => [one, one.aggregate.begin()] as const);
      await this.#read(
        source,
        begun.map(([, grouping]) => grouping),
        over,
      );
      if (over.aborted) return;
      for (const [one, grouping] of begun) await this.#become(one, grouping);
      source.change = change;
      source.own = await this.#own(source);
    }
    const took = clock.monotonic() - began;
    for (const { aggregate } of kept) tell.upToDate(aggregate.dataset.name, asOf, isSame ? undefined : took);
    if (!isSame) log.debug({ dataset: dataset.name, milliseconds: Math.round(took) }, 'aggregates calculated');
  }

  async #own({ kept }: Source): Promise<string> {
    const changes: (string | undefined)[] = [];
    for (const { aggregate } of kept) changes.push(await this.#options.sink.changeOf?.(aggregate.dataset));
    return JSON.stringify(changes);
  }

  async #read({ dataset, columns }: Source, groupings: readonly Grouping[], over: AbortSignal): Promise<void> {
    for await (const values of newestRows(this.#options.sink, dataset, columns)) {
      for (const grouping of groupings) grouping.add(values);
      if (over.aborted) return;
    }
  }

  async #become(kept: KeptGroups, grouping: Grouping): Promise<void> {
    try {
      await kept.become(grouping);
    } catch (error) {
      if (!(error instanceof WriterLost)) this.#options.tell.failed(kept.aggregate.dataset.name);
      throw error;
    }
  }

  #keptOf(aggregate: Aggregate, output: Awaited<ReturnType<Sink['open']>>): KeptGroups {
    const { sink, clock, log, tell } = this.#options;
    const onWritten = (rows: readonly Row[]) => tell.written(aggregate.dataset.name, rows);
    return new KeptGroups({ aggregate, sink, output, clock, log, onWritten });
  }

  #sourcesOf(keep: (aggregate: Aggregate) => KeptGroups): Source[] {
    const datasets = new Map(this.#options.aggregates.map(({ source }) => [source.name, source]));
    return [...datasets].map(([name, dataset]) => {
      const own = this.#options.aggregates.filter(({ source }) => source.name === name);
      return {
        dataset,
        kept: own.map(keep),
        columns: [...new Set(own.flatMap(({ columns }) => columns))],
        every: Math.min(...own.map(({ every }) => every)),
        change: undefined,
        own: undefined,
        due: Number.NEGATIVE_INFINITY,
      };
    });
  }
}
