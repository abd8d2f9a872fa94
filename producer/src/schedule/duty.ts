import type { Clock, Logger } from '@tributary/shared';
import { RetryableError } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { EndpointClaim } from '../leases/table.js';
import type { PollMetrics } from '../metrics.js';
import type { Runner } from './runner.js';
import { type Schedule, startContinuous, startSchedule } from './schedule.js';
import type { StateStore } from './states.js';

export interface DutyOptions {
  readonly endpoint: Endpoint;
  readonly runner: Runner;
  readonly states: StateStore;
  readonly metrics: Pick<PollMetrics, 'held' | 'due' | 'notDeleted'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1. */
  random(): number;
  /** How many endpoints start together with this one. */
  readonly companions: number;
  /** Whether one run follows the other without a pause: the source tells what happens when it happens. False unless given. */
  readonly isContinuous?: boolean;
  /** Tells the source that what it has read is durable, where its place ends with this process. */
  kept(): Promise<void>;
}

const CHANGED = 'its settings, keys, hierarchies or the output are not those of its last poll: everything is read anew';

/** How far endpoints that start together are spread, in milliseconds: for each of them, and at most. */
const SPREAD_BY = 100;
const MOST_SPREAD = 10_000;

/** What a producer does for an endpoint while it holds the lease: it polls by schedule, and does what a person asks. */
export class Duty {
  readonly #options: DutyOptions;
  #schedules: Schedule[] = [];
  #held: AbortController | undefined;
  #paused = false;

  constructor(options: DutyOptions) {
    this.#options = options;
  }

  get runner(): Runner {
    return this.#options.runner;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Everything that its last poll read is durable, and the caller has kept how far it came. */
  kept(): Promise<void> {
    return this.#options.kept();
  }

  /** When the schedule polls next, in milliseconds since the epoch; undefined if never. */
  nextAt(): number | undefined {
    return this.#schedules[0]?.nextAt();
  }

  /** Begins to poll the endpoint, and continues from its stored state. */
  async hold(): Promise<void> {
    const { endpoint, runner, states, metrics, clock, log } = this.#options;
    const held = new AbortController();
    this.#held = held;
    metrics.held.set({ endpoint: endpoint.id }, 1);
    // If the state cannot be loaded, the endpoint is polled at once, which is always correct.
    const state = await states.load(endpoint).catch(() => undefined);
    await runner.current;
    if (held.signal.aborted) return;
    runner.resume(state);
    // Events come to it by themselves, at any producer.
    if (!endpoint.isPolled) return;
    if (state?.lastSuccessAt !== undefined && state.lastFullAt === undefined)
      log.info({ endpoint: endpoint.id }, CHANGED);
    const { schedule, resync } = endpoint.config;
    // After a failure the endpoint is polled at once: the next scheduled poll may be far away.
    const first = state?.error === undefined ? (state?.nextAt ?? undefined) : undefined;
    // The first poll is due now, unless another producer's schedule says later; until it succeeds, it is overdue.
    if (state?.nextAt !== null) metrics.due.set({ endpoint: endpoint.id }, Math.max(clock.now(), first ?? 0) / 1_000);
    const isOver = state?.nextAt === null;
    if (this.#options.isContinuous === true && !('once' in schedule)) {
      this.#schedules.push(startContinuous({ clock, tick: () => this.#tick() }));
    } else {
      this.#start(schedule, isOver ? Number.POSITIVE_INFINITY : first, () => this.#tick());
    }
    if (resync === undefined) return;
    const firstFull = 'every' in resync ? (state?.lastFullAt ?? clock.now()) + resync.every : Number.POSITIVE_INFINITY;
    this.#start(resync, firstFull, async () => this.#paused || (await runner.runInFull()).error === undefined);
  }

  /** Stops polling the endpoint: another producer holds its lease, or is about to. */
  drop(): void {
    const { endpoint, metrics } = this.#options;
    this.stop();
    // The producer that polls it from now on exports the other metrics.
    metrics.held.set({ endpoint: endpoint.id }, 0);
    metrics.due.remove({ endpoint: endpoint.id });
    metrics.notDeleted.remove({ endpoint: endpoint.id });
    this.runner.abort(new RetryableError('lease_lost', 'another producer polls this endpoint from now on'));
  }

  /** Begins no more polls. The one in progress goes on. */
  stop(): void {
    this.#held?.abort();
    for (const schedule of this.#schedules.splice(0)) schedule.stop();
  }

  /** Does what a person asked for, at this producer or at another. */
  applyClaim({ paused, asked }: EndpointClaim): void {
    const { endpoint, log } = this.#options;
    if (paused !== this.#paused) log.info({ endpoint: endpoint.id }, paused ? 'polling is paused' : 'polling goes on');
    this.#paused = paused;
    if (asked === 'run') void this.runner.run();
    if (asked === 'restart') void this.#restart();
  }

  async #restart(): Promise<void> {
    this.runner.abort(new RetryableError('restarted', 'the poll was begun anew, as a person asked'));
    await this.runner.current;
    this.runner.forgive();
    await this.runner.run();
  }

  async #tick(): Promise<boolean> {
    if (this.#paused) return false;
    const summary = await this.runner.tick();
    return summary !== undefined && summary.error === undefined;
  }

  #start(schedule: Endpoint['config']['schedule'], first: number | undefined, tick: () => Promise<boolean>): void {
    const { endpoint, clock, log, random, companions } = this.#options;
    const spread = Math.min(
      companions * SPREAD_BY,
      MOST_SPREAD,
      'every' in schedule ? schedule.every / 2 : MOST_SPREAD,
    );
    const jitter = endpoint.config.jitter ?? spread;
    this.#schedules.push(startSchedule(schedule, { clock, log, first, jitter, random, tick }));
  }
}
