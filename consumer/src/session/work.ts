import { type Clock, within } from '@tributary/shared';
import { type Aggregating, startAggregates } from '../aggregate/start.js';
import { consume } from '../consume.js';
import { KnownRecords } from '../intake/known-records.js';
import { createMergeStep } from '../merge/merge.js';
import { type Remerge, startRemerge } from '../merge/remerge.js';
import { Reporter } from '../metrics/report.js';
import { rowAges } from '../recovery/row-age.js';
import type { Ending, SessionEnd } from './ending.js';
import type { RunningSession, SessionOptions } from './options.js';
import type { Path } from './path.js';

/** Milliseconds that the end of a session waits until what was settled is noted, for Redis may be away. */
const NOTED_WITHIN = 1_000;

/** The work of one session: it consumes each queue, and makes merged rows once more where a rebuild asked for it. */
export class Work implements RunningSession {
  readonly #path: Path;
  readonly #clock: Clock;
  /** Aborted when the session waits for nothing any more. */
  readonly #over: AbortSignal;
  readonly #stories: readonly Promise<void>[];
  readonly #remerge: Remerge;
  readonly #aggregates: Aggregating;

  constructor(path: Path, options: SessionOptions, ending: Ending) {
    const { clock, log } = options;
    const onError = (error: unknown) => ending.byError(error);
    this.#path = path;
    this.#clock = clock;
    this.#over = ending.abandoned;
    this.#stories = startStories(path, options, ending);
    this.#remerge = startRemerge(path.merges, { clock, log, onError });
    this.#aggregates = startAggregates(path.epoch, options, ending.abandoned);
  }

  async flushNow(): Promise<void> {
    await Promise.all(this.#path.lanes.map(({ batch }) => batch.flushNow()));
  }

  calculateNow(): Promise<boolean> {
    return this.#aggregates.calculateNow();
  }

  unsettled(): number {
    return this.#path.lanes.reduce((sum, { intake }) => sum + intake.settler.unsettled, this.#remerge.unsettled);
  }

  oldestUnflushed(): [entity: string, since: number][] {
    return this.#path.lanes.flatMap(({ entity, batch }): [string, number][] => {
      const since = batch.oldestUnwrittenSince;
      return since === undefined ? [] : [[entity.name, since]];
    });
  }

  /** When the oldest delivery arrived that is not settled; undefined if there is none. */
  heldSince(): number | undefined {
    const arrivals = this.#path.lanes.flatMap(({ intake }) => intake.settler.oldest?.arrivedAt ?? []);
    return arrivals.length === 0 ? undefined : Math.min(...arrivals);
  }

  /** Begins nothing new. */
  end({ isFault }: SessionEnd): void {
    for (const { intake } of this.#path.lanes) intake.end(isFault);
    this.#remerge.end();
    this.#aggregates.end();
    this.#path.deadLetters.end();
  }

  /** Writes and commits all that is claimed, and acknowledges it as far as the channels are still open. */
  async finish(): Promise<void> {
    await Promise.all([this.#remerge.ended, this.#aggregates.ended, ...this.#stories]);
    await this.flushNow();
    await this.#path.deadLetters.settled(this.#over);
    // What cannot be noted in time stays unacknowledged, and is delivered again.
    const acknowledged = Promise.all(this.#path.lanes.map(({ intake }) => intake.settler.flush()));
    await within(this.#clock, NOTED_WITHIN, acknowledged, this.#over);
    await this.#path.output.close();
  }

  /** Forgets all that is not written yet. It was not acknowledged, so it is delivered again. */
  abandon(): void {
    for (const { batch } of this.#path.lanes) batch.abandon();
  }
}

/** One story for each queue; each ends when its intake ends, or with an error that ends the session. */
function startStories(path: Path, options: SessionOptions, ending: Ending): Promise<void>[] {
  const { claims, merges, deadLetters, ledger, erased, erasedNow } = path;
  const { seenAgain, instance, metrics, log, clock, dead, observer, traces } = options;
  const report = new Reporter({ metrics, log, clock, dead, observer, over: ending.abandoned });
  const knownRecords = new KnownRecords();
  const ages = rowAges(options.config);
  return path.lanes.map(({ entity, intake, batch }) => {
    const known = knownRecords.of(entity);
    const merge = createMergeStep(entity.name, merges);
    const isTooOld = ages.get(entity.name);
    const { dataset } = entity.config;
    const steps = {
      entity,
      intake,
      deadLetters,
      known,
      claims,
      merge,
      batch,
      report,
      traces,
      erased,
      erasedNow,
      tooOld: isTooOld && { isTooOld, dataset, ledger, clock },
      seenAgain,
      instance,
    };
    return consume(steps).catch((error: unknown) => ending.byError(error));
  });
}
