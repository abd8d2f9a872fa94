import { randomUUID } from 'node:crypto';
import {
  type Clock,
  describeError,
  type ExportConfig,
  FatalError,
  type Logger,
  type PipelineConfig,
  RetryableError,
  withTimeout,
} from '@tributary/shared';
import type { AuditedAct, AuditLog } from '../audit/audit.js';
import { Turns } from '../data/readers/csv/turns.js';
import { type SqlEngine, SqlError } from '../sql/port.js';
import { BY_SCHEDULE, dueAt } from './due.js';
import { type KnownRun, knownRuns, MOST_FOUND } from './known-runs.js';
import type { Manifest } from './manifest.js';
import { Tally } from './metrics.js';
import { type ExportResult, runExport } from './run.js';
import type { CurrentRun, ExportState, PastRun } from './state/port.js';
import type { ExportTarget } from './targets/port.js';
import { targetOf } from './targets/target.js';

export interface ExportsOptions {
  readonly config: PipelineConfig;
  readonly engine: SqlEngine;
  readonly state: ExportState;
  /** Where a run that is due is noted; one that a person asks for is noted where it is asked for. */
  readonly audit: AuditLog;
  /** Names this dashboard among others. */
  readonly instance: string;
  /** Where files are kept until they are copied. */
  readonly folder?: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between two looks at what is due; for tests. */
  readonly look?: number | undefined;
}

/** What is known of an export. */
export interface ExportStatus {
  readonly name: string;
  readonly settings: ExportConfig;
  readonly current: CurrentRun | undefined;
  /** The newest first. */
  readonly past: readonly KnownRun[];
  /** Whether there may be older runs. */
  readonly isCut: boolean;
  /** Milliseconds since the epoch; undefined if it is not done by itself (any more). */
  readonly nextAt: number | undefined;
}

/** Milliseconds for which a lease is held, and between two renewals. A dashboard that is killed keeps others from exporting for as long. */
const LEASE = 30_000;
const RENEW = 8_000;
const LOOK = 5_000;
/** Milliseconds for which what lies where an export writes to is not looked at again, and for how many times as long as a look took. */
const FRESH = 15_000;
const REST = 20;
/** Milliseconds for which what keeps from knowing what is due is no news: at a start, Redis is not connected yet. */
const PATIENCE = 15_000;

/** What lay where an export writes to, and until when that is not asked again. */
interface Look {
  readonly until: number;
  readonly runs: Promise<readonly Manifest[] | undefined>;
}

/** An export that goes on already. */
export class GoingOnError extends Error {}

/**
 * Exports on schedule and by hand. Several dashboards may run: the one that holds the lease of an export runs it, and a run whose lease is lost
 * ends. One run at a time on each dashboard.
 */
export class Exports {
  readonly tally = new Tally();
  readonly #options: ExportsOptions;
  readonly #turns = new Turns(1);
  readonly #stopped = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** When each schedule began to count, where no run is remembered. */
  readonly #since = new Map<string, number | undefined>();
  readonly #mine = new Set<string>();
  /** What lay where each export writes to, at the last look. */
  readonly #found = new Map<string, Look>();
  /** They remember what they have read. */
  readonly #targets = new Map<string, ExportTarget>();
  #watching: Promise<void> | undefined;

  constructor(options: ExportsOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    return Object.keys(this.#options.config.exports);
  }

  /** Begins to export on schedule. */
  start(): void {
    if (Object.values(this.#options.config.exports).some(({ schedule }) => schedule !== undefined))
      this.#watching ??= this.#watch();
  }

  /** Ends what goes on, and leaves nothing of it behind. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped.abort(new RetryableError('closed', 'the dashboard was stopped'));
    await this.#watching;
    await Promise.all(this.#running);
  }

  /** @throws RetryableError if what is remembered cannot be read */
  async list(): Promise<ExportStatus[]> {
    return await Promise.all(
      this.names.map(async (name) => {
        const { settings, past, ...status } = await this.#status(name);
        const target = this.#targetOf(name, settings);
        const found = await this.#foundAt(name, target);
        const isCut = found !== undefined && found.length >= MOST_FOUND;
        return { ...status, settings, past: knownRuns(past, found, target.shown), isCut };
      }),
    );
  }

  /**
   * Begins a run for a person.
   * @throws GoingOnError if one goes on; RetryableError if that cannot be known
   */
  async begin(name: string, by: string): Promise<void> {
    const current = await this.#take(name, by);
    if (current !== undefined) return this.#go(name, current);
    const held = await this.#options.state.current(name);
    const who = held === undefined ? '' : ` since ${held.begunAt}, for ${held.by}, by the dashboard ${held.instance}`;
    throw new GoingOnError(`${name} is being exported${who}`);
  }

  #targetOf(name: string, settings: ExportConfig): ExportTarget {
    const { config, clock } = this.#options;
    const known = this.#targets.get(name) ?? targetOf(settings, { pipeline: config.name, name, clock });
    this.#targets.set(name, known);
    return known;
  }

  /** What is there to be found; undefined if nobody can look now. A run itself tells what is wrong there. */
  #foundAt(name: string, target: ExportTarget): Promise<readonly Manifest[] | undefined> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    const last = this.#found.get(name);
    if (last !== undefined && began < last.until) return last.runs;
    const runs = target.finished(withTimeout(this.#stopped.signal, 5_000), MOST_FOUND).catch(() => undefined);
    const look = { until: began + FRESH, runs };
    this.#found.set(name, look);
    void runs.then(() => {
      look.until = began + Math.max(FRESH, (clock.monotonic() - began) * REST);
    });
    return runs;
  }

  async #status(name: string): Promise<Omit<ExportStatus, 'past' | 'isCut'> & { readonly past: readonly PastRun[] }> {
    const { config, state } = this.#options;
    const settings = config.exports[name];
    if (settings === undefined) throw new Error(`there is no export ${name}`);
    const [current, past] = await Promise.all([state.current(name), state.past(name)]);
    const { schedule } = settings;
    const nextAt = schedule && dueAt(schedule, past, await this.#begunAt(name, settings));
    return { name, settings, current, past, nextAt };
  }

  /** Looks at what is there, since Redis may have forgotten: a quarter's export must not be done anew with each empty Redis. */
  async #begunAt(name: string, settings: ExportConfig): Promise<number | undefined> {
    if (this.#since.has(name)) return this.#since.get(name);
    const { clock } = this.#options;
    const { schedule } = settings;
    let since: number | undefined = schedule !== undefined && 'cron' in schedule ? clock.now() : undefined;
    try {
      const last = (await this.#targetOf(name, settings).finished(withTimeout(this.#stopped.signal, 20_000), 1)).at(-1);
      if (last !== undefined) since = Date.parse(last.asOf);
    } catch {
      // The run itself tells what is wrong there.
    }
    this.#since.set(name, since);
    return since;
  }

  async #watch(): Promise<void> {
    const { clock, log, look = LOOK } = this.#options;
    const { signal } = this.#stopped;
    const failing = new Map<string, { readonly since: number; told: string }>();
    while (!signal.aborted) {
      for (const name of this.names) {
        try {
          await this.#beginIfDue(name);
          failing.delete(name);
        } catch (error) {
          const why = describeError(error);
          const known = failing.get(name) ?? { since: clock.monotonic(), told: '' };
          failing.set(name, known);
          if (why === known.told || clock.monotonic() - known.since < PATIENCE) continue;
          known.told = why;
          log.warn({ export: name, reason: why }, 'cannot know whether an export is due; looking again');
        }
      }
      await clock.sleep(look, signal);
    }
  }

  async #beginIfDue(name: string): Promise<void> {
    const isDue = async () => {
      const { nextAt } = await this.#status(name);
      return nextAt !== undefined && nextAt <= this.#options.clock.now();
    };
    if (this.#mine.has(name) || this.#stopped.signal.aborted || !(await isDue())) return;
    const current = await this.#take(name, BY_SCHEDULE);
    if (current === undefined) return;
    // Another dashboard may have done it since.
    if (await isDue()) this.#go(name, current);
    else await this.#options.state.release(name, current.token);
  }

  async #take(name: string, by: string): Promise<CurrentRun | undefined> {
    const { state, instance, clock } = this.#options;
    const begunAt = new Date(clock.now()).toISOString();
    const current = { token: randomUUID(), by, instance, begunAt };
    return (await state.hold(name, current, LEASE)) ? current : undefined;
  }

  #go(name: string, current: CurrentRun): void {
    this.#mine.add(name);
    const running = this.#run(name, current).finally(() => {
      this.#mine.delete(name);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  /** Never rejects: what happens is noted and logged. */
  async #run(name: string, current: CurrentRun): Promise<void> {
    const { config, engine, folder, clock, log, state } = this.#options;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#stopped.signal, lost.signal]);
    const renewing = setInterval(() => {
      const lose = () =>
        lost.abort(new RetryableError('lease_lost', 'the lease was lost: Redis did not answer in time'));
      renewed(state.hold(name, current, LEASE)).then((held) => held || lose(), lose);
    }, RENEW);
    const from = clock.monotonic();
    let act: AuditedAct | undefined;
    try {
      if (current.by === BY_SCHEDULE) act = await this.#audited(name);
      const work = () => runExport({ config, name, engine, folder, clock, log, signal });
      const result = await this.#turns.take(work);
      await this.#noteDone(name, current, result, clock.monotonic() - from);
      await act?.note('done', { done: result.manifest.rows, run: result.manifest.run }).catch(() => {});
    } catch (error) {
      const why = wordsFor(signal.aborted ? signal.reason : error);
      const seconds = (clock.monotonic() - from) / 1_000;
      log.error(
        { export: name, by: current.by, seconds, reason: describeError(error) },
        `the export ${name} failed: ${why}`,
      );
      this.tally.failed(name);
      await act?.note('failed', { why }).catch(() => {});
      await this.#note(name, current, { run: undefined, rows: undefined, bytes: undefined, place: undefined, why });
    } finally {
      clearInterval(renewing);
      await state.release(name, current.token).catch(() => {});
    }
  }

  #audited(name: string): Promise<AuditedAct> {
    const { audit, instance } = this.#options;
    return audit.begin({ name: BY_SCHEDULE, role: 'system', from: instance }, 'export', { export: name });
  }

  async #noteDone(name: string, current: CurrentRun, { manifest, place, removed }: ExportResult, milliseconds: number) {
    const { log, clock } = this.#options;
    const { run, rows } = manifest;
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    const seconds = milliseconds / 1_000;
    log.info(
      { export: name, by: current.by, run, rows, bytes, seconds, removed },
      `exported ${name}: ${rows} rows to ${place}`,
    );
    this.tally.done(name, { rows, bytes, seconds, at: clock.now() });
    await this.#note(name, current, { run, rows, bytes, place, why: undefined });
  }

  async #note(
    name: string,
    { by, instance, begunAt }: CurrentRun,
    ended: Omit<PastRun, 'by' | 'instance' | 'begunAt' | 'endedAt'>,
  ) {
    const { state, clock, log } = this.#options;
    this.#found.delete(name);
    const endedAt = new Date(clock.now()).toISOString();
    await state.note(name, { by, instance, begunAt, endedAt, ...ended }).catch((error: unknown) => {
      log.warn({ export: name, reason: describeError(error) }, 'the run could not be noted');
    });
  }
}

/** A Redis that hangs must not let a lease expire unseen. */
const renewed = async (answer: Promise<boolean>): Promise<boolean> =>
  await Promise.race([
    answer,
    new Promise<boolean>((resolve) => setTimeout(resolve, LEASE - 2 * RENEW, false).unref()),
  ]);

/** What a person is told: our own errors are words already, and others may hold anything. */
function wordsFor(error: unknown): string {
  const isOurs = error instanceof SqlError || error instanceof FatalError || error instanceof RetryableError;
  return isOurs ? error.message : 'it failed for a reason that the log tells';
}
