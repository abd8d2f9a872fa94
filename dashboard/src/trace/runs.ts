import { type LoggedRun, RetryableError, type RunLog } from '@tributary/shared';
import type { Journal } from './journal.js';

/** The poll that a version came with. */
export interface TracedRun {
  readonly endpoint: string;
  readonly run: number;
  readonly producer: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** When the broker had confirmed all of the run's messages; null if it has not. */
  readonly confirmedAt: string | null;
  readonly published: number;
  readonly error: string | null;
}

/** A message, and the endpoints that may have sent it. */
export interface Sent {
  /** When it was made, in milliseconds since the epoch; undefined for an id that holds no time. */
  readonly time: number | undefined;
  readonly endpoints: readonly string[];
}

export interface TracedRuns {
  /** One, or one for each side of a merged row; more where several endpoints of one entity were polled at that time. */
  readonly runs: readonly TracedRun[];
  /** Why no run is named, in words; null if one is. */
  readonly note: string | null;
  /** When the oldest run that is still kept began, if the run is older. */
  readonly since: string | null;
}

const NO_JOURNAL = 'not known: give the dashboard the REDIS_URL of the producers, which keep their runs there';

/** Names the runs of a version's messages, or says why it cannot. */
export async function runsOf(journal: Journal | undefined, sent: readonly Sent[]): Promise<TracedRuns> {
  const nothing = (note: string, since: number | null = null): TracedRuns => ({ runs: [], note, since: isoOf(since) });
  if (journal === undefined) return nothing(NO_JOURNAL);
  try {
    journal.check();
    const found = (await Promise.all(sent.map((one) => find(journal.runs, one)))).flat();
    const runs = found.flatMap(({ endpoint, run }) => (run === undefined ? [] : [tell(endpoint, run)]));
    if (runs.length > 0) return { runs, note: null, since: null };
    if (sent.every(({ time }) => time === undefined)) return nothing('not known: the message id holds no time');
    const reach = found.flatMap(({ since }) => since ?? []);
    if (reach.length === 0) return nothing('not kept: Redis holds no run of its endpoint');
    const oldest = Math.min(...reach);
    if (sent.every(({ time = 0 }) => time < oldest))
      return nothing('no longer kept: the oldest run that is kept began', oldest);
    return nothing('not kept: the run is still going on, or its producer died in it');
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return nothing(
      `not known: ${error instanceof RetryableError ? error.message : 'Redis did not answer as it should'}`,
    );
  }
}

async function find(runs: Pick<RunLog, 'find'>, { time, endpoints }: Sent) {
  if (time === undefined) return [];
  return await Promise.all(endpoints.map(async (endpoint) => ({ endpoint, ...(await runs.find(endpoint, time)) })));
}

const isoOf = (time: number | null | undefined): string | null => (time == null ? null : new Date(time).toISOString());

const tell = (endpoint: string, { run, producer, published, error, ...times }: LoggedRun): TracedRun => ({
  endpoint,
  run,
  producer,
  published,
  error: error ?? null,
  startedAt: new Date(times.startedAt).toISOString(),
  endedAt: new Date(times.endedAt).toISOString(),
  confirmedAt: isoOf(times.confirmedAt),
});
