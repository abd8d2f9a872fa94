import { type Clock, describeError, FatalError, type Logger, RetryableError } from '@tributary/shared';
import type { Endpoint } from './endpoint.js';
import type { PollMetrics } from './metrics.js';
import { PollProgress, type PollSummary } from './progress.js';
import { SingleFlight } from './single-flight.js';

export interface RunnerOptions {
  readonly endpoint: Endpoint;
  readonly metrics: PollMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** One poll, as in poll.ts. */
  poll(progress: PollProgress): Promise<void>;
  /** When the schedule polls next, in milliseconds since the epoch; undefined if it does not. */
  nextAt(): number | undefined;
}

/** Runs the polls of one endpoint, one at a time, and answers for them: a poll that fails is told and counted here. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #flight: SingleFlight<PollSummary>;
  #overdueTold = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#flight = new SingleFlight(() => this.#run());
  }

  /** The poll going on now. */
  get current(): Promise<PollSummary> | undefined {
    return this.#flight.current;
  }

  /** Polls now, or joins the poll going on. Never rejects. */
  run(): Promise<PollSummary> {
    return this.#flight.run();
  }

  /** Polls because it is time to; if the last poll is still going on, this one is left out. */
  tick(): Promise<PollSummary> {
    const { endpoint, metrics, log, signal } = this.#options;
    if (this.current !== undefined && !signal.aborted) {
      metrics.overdue.inc({ endpoint: endpoint.id });
      if (!this.#overdueTold)
        log.warn({ endpoint: endpoint.id }, 'the poll before is still going on; this one is left out');
      this.#overdueTold = true;
    }
    return this.run();
  }

  async #run(): Promise<PollSummary> {
    const { endpoint, metrics, clock, log } = this.#options;
    const labels = { endpoint: endpoint.id };
    const progress = new PollProgress(endpoint.id, metrics, log);
    const startedAt = clock.now();
    this.#overdueTold = false;
    let failure: unknown;
    try {
      await this.#options.poll(progress);
    } catch (error) {
      failure = error ?? new Error('unknown');
    }
    const durationMs = clock.now() - startedAt;
    const summary = progress.summary(durationMs, failure === undefined ? undefined : describeError(failure));
    metrics.runs.inc(labels);
    metrics.duration.observe(labels, durationMs / 1_000);
    if (failure !== undefined) {
      this.#tellFailure(failure, summary);
    } else {
      metrics.lastSuccess.set(labels, clock.now() / 1_000);
      log[summary.records > 0 ? 'info' : 'debug'](summary, 'polled');
    }
    return summary;
  }

  #tellFailure(failure: unknown, { endpoint, run, published, error }: PollSummary): void {
    const { metrics, log, signal, nextAt } = this.#options;
    if (signal.aborted) {
      log.info({ endpoint, run, published }, 'the poll was cut short by the stop');
      return;
    }
    const known = failure instanceof RetryableError || failure instanceof FatalError;
    metrics.failures.inc({ endpoint, code: known ? failure.code : 'unexpected' });
    const at = nextAt();
    const next = at === undefined ? 'not scheduled' : new Date(at).toISOString();
    const told = { endpoint, run, published, reason: error, nextPoll: next };
    if (known) log.warn(told, 'the poll failed; the next one begins where the last good one ended');
    // A fault of ours: whoever mends it needs the stack.
    else log.error({ ...told, err: failure }, 'the poll failed unexpectedly');
  }
}
