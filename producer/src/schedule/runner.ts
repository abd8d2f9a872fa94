import {
  type Clock,
  describeError,
  type Logger,
  RetryableError,
  type RunLog,
  type Span,
  type Telemetry,
  traced,
} from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { PollMetrics } from '../metrics.js';
import type { RunManner } from '../poll/poll.js';
import { PollProgress, type PollSummary } from '../poll/progress.js';
import type { Retrying, RetryWatch } from '../poll/retrying.js';
import { Circuit, mayBeOfTheApi } from './circuit.js';
import { Pause } from './pause.js';
import { SingleFlight } from './single-flight.js';
import type { EndpointState, StateStore } from './states.js';
import { codeOf, isCutShort, tellFailure } from './tell-failure.js';

export interface RunnerOptions {
  readonly endpoint: Endpoint;
  /** The producer's name. */
  readonly instance: string;
  readonly states: StateStore;
  readonly runs: RunLog;
  readonly metrics: PollMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** One poll, as in poll.ts. */
  poll(progress: PollProgress, signal: AbortSignal, manner: RunManner): Promise<void>;
  /** When the schedule polls next, in milliseconds since the epoch; undefined if never. */
  nextAt(): number | undefined;
  /** The longest pause that a run waits for, in milliseconds; any, unless given. It fails where it would have to wait longer. */
  readonly patience?: number | undefined;
  /** Called with what each poll came to. It must not throw. */
  readonly onRun?: ((summary: PollSummary) => void) | undefined;
  /** The requests of its polls that are tried again. */
  readonly retries?: RetryWatch | undefined;
  /** Tells of each poll; nothing is traced unless given. */
  readonly telemetry?: Telemetry | undefined;
}

/** So many files stand in a line of the log. */
const TOLD_INPUTS = 20;

/** Runs the polls of one endpoint, one at a time. It logs and counts those that fail. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #flight: SingleFlight<PollSummary>;
  readonly #circuit: Circuit;
  readonly #pause: Pause;
  #abort = new AbortController();
  #state: EndpointState | undefined;
  #succeededRun: number | undefined;
  #overdueTold = false;
  #fullWanted = false;
  /** The schedule began the next run, rather than a person. */
  #hurried = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { endpoint, telemetry } = options;
    const attributes = { 'tributary.endpoint': endpoint.id, 'tributary.entity': endpoint.entity.name };
    const run = (span: Span | undefined) => this.#run(span);
    this.#flight = new SingleFlight(() => traced(telemetry, `poll ${endpoint.id}`, () => ({ attributes }), run));
    this.#circuit = new Circuit(options.endpoint.config.circuit, options.clock);
    this.#pause = new Pause(options.endpoint, options.clock, options.log);
  }

  /** The poll in progress. */
  get current(): Promise<PollSummary> | undefined {
    return this.#flight.current;
  }

  /** The result of the last poll, also if another producer made it. */
  get state(): EndpointState | undefined {
    return this.#state;
  }

  /** When the last run of this producer that succeeded began, by the clock that is never set; undefined if none did. */
  get succeededRun(): number | undefined {
    return this.#succeededRun;
  }

  /** Before when the API asked not to be asked again, in milliseconds since the epoch; undefined if that is past. */
  get notBefore(): number | undefined {
    return this.#pause.until;
  }

  /** Whether a poll is in progress that does more than wait until the API may be asked. */
  get isBusy(): boolean {
    return this.current !== undefined && !this.#pause.isWaiting;
  }

  /** The request of the poll in progress that failed and is tried again; undefined if none is. */
  get retrying(): Retrying | undefined {
    return this.#options.retries?.current;
  }

  /** Continues from where another producer, or this one before a restart, stopped. */
  resume(state: EndpointState | undefined): void {
    this.#state = state;
    this.#pause.resume(state?.notBefore);
    this.#circuit.resume(state);
    this.#showCircuit();
  }

  /** Heeds what the API asked for before, and no more of that state: a person asked for a poll, whatever failed until now. */
  continue(state: EndpointState | undefined): void {
    this.#state = state;
    this.#pause.resume(state?.notBefore);
  }

  /** Polls now, or joins the poll in progress. Never rejects. */
  run(): Promise<PollSummary> {
    return this.#flight.run();
  }

  /** Polls everything: now, or with the next poll if one is in progress. */
  runInFull(): Promise<PollSummary> {
    this.#fullWanted = true;
    return this.run();
  }

  /**
   * Polls because it is due. It does nothing if the last poll is still in progress, or if the circuit is open after failures.
   */
  async tick(): Promise<PollSummary | undefined> {
    const { endpoint, metrics, log, signal } = this.#options;
    if (this.#pause.isWaiting) {
      metrics.skipped.inc({ endpoint: endpoint.id });
      return undefined;
    }
    if (this.current !== undefined && !signal.aborted) {
      metrics.overdue.inc({ endpoint: endpoint.id });
      if (!this.#overdueTold)
        log.warn({ endpoint: endpoint.id }, 'the poll before is still going on; this one is left out');
      this.#overdueTold = true;
    } else if (!this.#circuit.allows) {
      metrics.skipped.inc({ endpoint: endpoint.id });
      return undefined;
    }
    this.#hurried = true;
    return await this.run();
  }

  /** Ends the poll in progress. What it had fetched is fetched again. */
  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** The API asks not to be asked before this time, in milliseconds since the epoch. The poll in progress waits for it. */
  pause(until: number): void {
    const { endpoint, log, states } = this.#options;
    // It must survive a restart that comes while the poll waits.
    if (!this.#pause.extend(until) || this.#state === undefined) return;
    states.save(endpoint, { ...this.#state, notBefore: until }).catch((reason: unknown) => {
      log.debug({ endpoint: endpoint.id, reason: describeError(reason) }, 'the pause could not be stored');
    });
  }

  /** Closes the circuit, and ends the pause that the API asked for: a person says that the fault is mended. */
  forgive(): void {
    this.#pause.resume();
    this.#circuit.succeeded();
    this.#showCircuit();
  }

  async #run(span: Span | undefined): Promise<PollSummary> {
    const { endpoint, metrics, clock, log, signal } = this.#options;
    const labels = { endpoint: endpoint.id };
    const progress = new PollProgress(endpoint, metrics, log);
    const manner = { trial: this.#circuit.isTrial, full: this.#fullWanted, hurried: this.#hurried };
    this.#abort = new AbortController();
    const stop = () => this.abort(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.#overdueTold = false;
    this.#fullWanted = false;
    this.#hurried = false;
    let failure: unknown = this.#tooLongPause();
    if (failure === undefined) await this.#pause.over(this.#abort.signal);
    const startedAt = clock.now();
    const begun = clock.monotonic();
    try {
      if (failure !== undefined) throw failure;
      await this.#options.poll(progress, this.#abort.signal, manner);
    } catch (error) {
      failure = error ?? new Error('unknown');
    }
    signal.removeEventListener('abort', stop);
    this.#options.retries?.over();
    const durationMs = Math.round(clock.monotonic() - begun);
    const summary = progress.summary(durationMs, failure === undefined ? undefined : describeError(failure));
    span?.set({ 'tributary.run': summary.run, 'tributary.records': summary.published });
    if (failure !== undefined) span?.fail(failure);
    metrics.runs.inc(labels);
    metrics.duration.observe(labels, durationMs / 1_000);
    if (failure !== undefined) {
      this.#fullWanted ||= manner.full;
      this.#judge(failure, summary);
    } else {
      this.#succeededRun = begun;
      this.#circuit.succeeded();
      this.#pause.succeeded();
      if (manner.trial) log.info(labels, 'the endpoint answers again');
      metrics.lastSuccess.set(labels, clock.now() / 1_000);
      const next = this.#options.nextAt();
      if (next === undefined) metrics.due.remove(labels);
      else metrics.due.set(labels, next / 1_000);
      const { inputs, ...told } = summary;
      const few = inputs === undefined ? {} : { inputs: inputs.slice(0, TOLD_INPUTS), files: inputs.length };
      log[summary.records > 0 ? 'info' : 'debug']({ ...told, ...few }, 'polled');
    }
    this.#showCircuit();
    this.#remember(summary, progress, startedAt);
    this.#keep(summary, startedAt, manner, progress.hasCompared);
    this.#options.onRun?.(summary);
    return summary;
  }

  #tooLongPause(): RetryableError | undefined {
    const { endpoint, patience = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#pause.left <= patience) return undefined;
    const until = new Date(this.notBefore ?? 0).toISOString();
    const message = `${endpoint.id}: not asked: the API asked before not to be asked until ${until}`;
    return new RetryableError('rate_limited', message, { notBefore: this.notBefore });
  }

  #judge(failure: unknown, summary: PollSummary): void {
    const { metrics, log } = this.#options;
    if (isCutShort(failure, this.#abort.signal)) {
      log.info({ endpoint: summary.endpoint, run: summary.run, reason: summary.error }, 'the poll was cut short');
      return;
    }
    metrics.failures.inc({ endpoint: summary.endpoint, code: codeOf(failure) });
    if (failure instanceof RetryableError && failure.notBefore !== undefined) this.pause(failure.notBefore);
    const opened = mayBeOfTheApi(failure) && this.#circuit.failed(failure);
    const nextAt = latest(this.#options.nextAt(), this.notBefore);
    tellFailure({ failure, summary, opened, memory: this.#circuit.memory, nextAt }, log);
  }

  #showCircuit(): void {
    const { endpoint, metrics } = this.#options;
    const { circuit } = this.#circuit.memory;
    for (const state of ['open', 'refused'] as const) {
      metrics.circuit.set({ endpoint: endpoint.id, state }, circuit === state ? 1 : 0);
    }
  }

  /** Runs that were cut short are noted too: their records are under way, and a trace may ask where they came from. */
  #remember({ run, records, published, durationMs, error }: PollSummary, progress: PollProgress, startedAt: number) {
    const { endpoint, instance, runs, log } = this.#options;
    if (records === 0) return;
    const times = { startedAt, endedAt: startedAt + durationMs, ...progress.times };
    runs.add(endpoint.id, { run, producer: instance, ...times, published, error }).catch((reason: unknown) => {
      log.debug({ endpoint: endpoint.id, reason: describeError(reason) }, 'the run could not be stored for traces');
    });
  }

  /** @param hasCompared whether the run looked for records that are missing */
  #keep(summary: PollSummary, startedAt: number, { full }: RunManner, hasCompared: boolean): void {
    const { run, records, published, error, notDeleted } = summary;
    const { endpoint, instance, states, clock, log, nextAt, signal } = this.#options;
    // A poll that was cut short says nothing about the endpoint. The producer that takes it over polls at once.
    if (signal.aborted || this.#abort.signal.aborted) return;
    const succeeded = error === undefined;
    const endedAt = clock.now();
    this.#state = {
      ...this.#circuit.memory,
      notBefore: this.notBefore,
      producer: instance,
      run,
      startedAt,
      endedAt,
      records,
      published,
      error,
      notDeleted: hasCompared ? notDeleted : this.#state?.notDeleted,
      lastSuccessAt: succeeded ? endedAt : this.#state?.lastSuccessAt,
      // The very first poll finds no cursor, so it is full.
      lastFullAt: succeeded && (full || this.#state?.lastFullAt === undefined) ? startedAt : this.#state?.lastFullAt,
      nextAt: succeeded && 'once' in endpoint.config.schedule ? null : nextAt(),
    };
    states.save(endpoint, this.#state).catch((reason: unknown) => {
      log.debug({ endpoint: endpoint.id, reason: describeError(reason) }, 'the result of the poll could not be stored');
    });
  }
}

/** The later of two times; the one that is known. */
const latest = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
