import { join } from 'node:path';
import { type Clock, type Logger, type PipelineConfig, sinkWords, topologyOf } from '@tributary/shared';
import type { DatasetReader } from '../data/readers/port.js';
import type { Broker } from '../dead-letters/broker.js';
import { aggregateFlows } from './aggregates.js';
import { askEndpoints, type EndpointState, endpointFlows } from './endpoints.js';
import type { Flow, QueueFlow } from './flow.js';
import { type History, Recorder } from './history.js';
import { KeptLines } from './kept-lines.js';
import { type KeptPoint, LongHistory, type LongSpan, MOST_POINTS } from './long-history.js';
import { sumOf } from './metrics-text.js';
import { RateMeter } from './rates.js';
import { type KeptRun, MOST_RUNS, RunHistory, type SeenRun } from './run-history.js';
import { type Scrape, scrapeAll } from './scrape.js';
import { tellProblems } from './words.js';

/** Where the services of the pipeline answer. */
export interface ServiceUrls {
  readonly producers: readonly string[];
  readonly consumers: readonly string[];
}

export interface ObserverOptions {
  readonly config: PipelineConfig;
  readonly broker: Broker;
  /** False where no setting names a RabbitMQ. */
  readonly brokerKnown: boolean;
  readonly reader: DatasetReader;
  /** Called at each look: under `npm start`, the services have no URLs before all of them run. */
  readonly services: () => ServiceUrls;
  /** The token with which they are read, where they want one. */
  readonly readToken?: string | undefined;
  /** Alerts that fire, for those who look at the flow. */
  readonly firing: () => Flow['alerts'];
  readonly clock: Clock;
  readonly log: Logger;
  /** The folder in which runs and charts are kept over a restart; nowhere unless given. */
  readonly keepIn?: string | undefined;
}

/** Looks at every part of the pipeline: the services' own metrics, RabbitMQ's queues, the sink. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #meter = new RateMeter();
  readonly #recorder = new Recorder();
  readonly #runs: RunHistory;
  readonly #long = new LongHistory();
  readonly #keptRuns: KeptLines<KeptRun>;
  readonly #keptPoints: KeptLines<KeptPoint>;
  #lastRecorded = 0;
  #states: readonly EndpointState[] = [];

  constructor(options: ObserverOptions) {
    this.#options = options;
    const { config, keepIn, log } = options;
    this.#runs = new RunHistory(Object.keys(config.endpoints).length);
    // Pipelines that share a folder have files of their own.
    const file = (of: string) =>
      keepIn === undefined ? undefined : join(keepIn, `${of}-${encodeURIComponent(config.name)}.jsonl`);
    this.#keptRuns = new KeptLines(file('runs'), MOST_RUNS, () => this.#runs.all(), log);
    this.#keptPoints = new KeptLines(file('flow'), MOST_POINTS, () => this.#long.all(), log);
  }

  /** Takes in what was seen before a restart. */
  async restore(): Promise<void> {
    const [runs, points] = await Promise.all([this.#keptRuns.load(), this.#keptPoints.load()]);
    this.#runs.restore(runs, (id) => Object.hasOwn(this.#options.config.endpoints, id));
    this.#long.restore(points);
  }

  /** Resolves when what was seen is kept. */
  async close(): Promise<void> {
    await Promise.all([this.#keptRuns.close(), this.#keptPoints.close()]);
  }

  /** The last day or month, by the minute or the hour. */
  longHistory(span: LongSpan): History {
    return this.#long.of(span);
  }

  /** The token with which services are read, where they want one. */
  get readToken(): string | undefined {
    return this.#options.readToken;
  }

  get history(): History {
    return this.#recorder.history;
  }

  /** When the last point was added to the history, in milliseconds since the epoch. */
  get recorded(): number {
    return this.#lastRecorded;
  }

  /** What producers said of one endpoint at the last look, undefined if nothing; and its runs that were seen, the newest first. */
  endpoint(id: string): { readonly state: EndpointState | undefined; readonly runs: readonly SeenRun[] } {
    return { state: this.#states.find(({ endpoint }) => endpoint === id), runs: this.#runs.of(id) };
  }

  async look(): Promise<Flow> {
    const { config, broker, brokerKnown, reader, readToken, clock } = this.#options;
    const urls = this.#options.services();
    const [{ producers, states }, consumers, depths, datasets] = await Promise.all([
      this.#producers(urls.producers),
      scrapeAll(urls.consumers, config, readToken),
      this.#queues(),
      reader.list().catch(() => reader.known()),
    ]);
    const now = clock.now();
    this.#meter.take(now, [...producers, ...consumers]);
    this.#states = states;
    this.#keptRuns.add(...this.#runs.take(states, producers));
    const newest = Math.max(0, ...datasets.map(({ lastWrittenAt }) => Date.parse(lastWrittenAt ?? '') || 0));
    const waits = consumers.flatMap(({ metrics }) => metrics.get('tributary_oldest_unflushed_seconds') ?? []);
    const words = sinkWords(config.sink);
    const unacked = consumers.reduce((sum, { metrics }) => sum + sumOf(metrics, 'tributary_unsettled_deliveries'), 0);
    const queues = withRecords(depths, producers, unacked);
    const flow: Omit<Flow, 'problems'> = {
      at: new Date(now).toISOString(),
      rates: this.#meter.rates,
      endpoints: endpointFlows(config, producers, states, this.#meter),
      producers: producers.map(instance),
      broker: { known: brokerKnown, connected: broker.connected },
      queues,
      consumers: consumers.map((one) => ({
        ...instance(one),
        unsettled: sumOf(one.metrics, 'tributary_unsettled_deliveries'),
      })),
      unacked,
      oldestUnflushed: waits.length === 0 ? null : Math.max(...waits.map(({ value }) => value)),
      freshness: newest === 0 ? null : Math.max(0, (now - newest) / 1_000),
      sink: { type: config.sink.type, medium: words.medium, where: words.description },
      datasets,
      aggregates: aggregateFlows(consumers),
      alerts: this.#options.firing(),
    };
    this.#record(now, flow);
    return { ...flow, problems: tellProblems(flow, now) };
  }

  #record(now: number, { rates, queues, unacked, freshness }: Omit<Flow, 'problems'>): void {
    const backlog = queues.reduce((sum, { records }) => sum + (records ?? 0), 0);
    const values = { ...rates, backlog, unacked, freshness };
    if (!this.#recorder.record(now, values)) return;
    this.#lastRecorded = now;
    this.#keptPoints.add(...this.#long.record(now, values));
  }

  async #producers(urls: readonly string[]) {
    const { config, readToken } = this.#options;
    const producers = await scrapeAll(urls, config, readToken);
    return { producers, states: await askEndpoints(urls, producers, readToken) };
  }

  async #queues(): Promise<Omit<QueueFlow, 'records'>[]> {
    const { broker, config } = this.#options;
    return await Promise.all(
      topologyOf(config).queues.map(async ({ queue, entity, deadQueue }) => {
        const look = (name: string) => broker.depth(name).catch(() => undefined);
        const [live, dead] = await Promise.all([look(queue), look(deadQueue)]);
        const judged = ['accepted', 'duplicate', 'stale', 'dead'] as const;
        const rate = judged.reduce((sum, outcome) => sum + this.#meter.rate(`${outcome} ${entity}`), 0);
        const ready = live?.messages ?? null;
        return { queue, entity, ready, consumers: live?.consumers ?? null, dead: dead?.messages ?? null, rate };
      }),
    );
  }
}

/**
 * Adds how many records wait. The producers tell how many are not settled; those that consumers hold are taken off, of each queue its
 * share. Messages of other programs count as one record.
 */
function withRecords(
  queues: readonly Omit<QueueFlow, 'records'>[],
  producers: readonly Scrape[],
  unacked: number,
): QueueFlow[] {
  const backlog = new Map<string, number>();
  for (const { metrics } of producers) {
    for (const { labels, value } of metrics.get('tributary_backlog_records') ?? [])
      backlog.set(labels.queue ?? '', Math.max(value, backlog.get(labels.queue ?? '') ?? 0));
  }
  const all = [...backlog.values()].reduce((sum, records) => sum + records, 0);
  const waiting = Math.max(0, 1 - unacked / Math.max(1, all));
  return queues.map((queue) => {
    const { ready } = queue;
    const records = Math.round((backlog.get(queue.queue) ?? 0) * waiting);
    return { ...queue, records: ready === null || ready === 0 ? ready : Math.max(ready, records) };
  });
}

const instance = ({ address, name, answers, problems }: Scrape) => ({ address, name, answers, problems });
