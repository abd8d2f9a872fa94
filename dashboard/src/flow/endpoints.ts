import { type EndpointConfig, isPolled, type PipelineConfig } from '@tributary/shared';
import { describeEndpoint } from '../endpoints/describe.js';
import { ask, withToken } from '../http/ask.js';
import type { EndpointFlow } from './flow.js';
import { sumOf } from './metrics-text.js';
import type { RateMeter } from './rates.js';
import type { Scrape } from './scrape.js';
import { type SourceState, tellsOfSources, wordsOfSource } from './sources.js';

/** What a producer says of one endpoint at `GET /endpoints`, as far as it is shown. */
export interface EndpointState extends SourceState {
  readonly endpoint: string;
  /** `polling`, `waiting`, `paused`, `failing`, `open` (left alone for a while) or `refused`. */
  readonly state: string;
  readonly lastRun: {
    readonly startedAt?: string;
    readonly endedAt: string;
    readonly records?: number;
    readonly published?: number;
    readonly error?: string;
  } | null;
  /** The producer that polls it. */
  readonly producer?: string | null;
  readonly run?: number | null;
  readonly cursor?: string | null;
  /** The API asked not to be asked before this time. */
  readonly notBefore?: string;
  /** Where a reset can go back to. */
  readonly checkpoints?: readonly { readonly name: string; readonly at: string }[];
  readonly nextRun: string | null;
  /** Failed runs in a row. */
  readonly failures: number;
  /** What the run in progress tries again; told by the producer that polls the endpoint alone. */
  readonly retrying?: {
    /** The endpoint itself, or a child of it. */
    readonly endpoint: string;
    readonly since: string;
    readonly attempts: number;
    readonly reason: string;
    readonly nextAttempt: string;
  };
}

/**
 * Asks producers until one answers: all of them know the same. What is being tried again, and how far a source has come, only the producer
 * knows that does it; those whose metrics tell of it are asked too.
 */
export async function askEndpoints(
  urls: readonly string[],
  producers: readonly Scrape[],
  token: string | undefined,
): Promise<EndpointState[]> {
  const isRetrying = ({ metrics }: Scrape) => sumOf(metrics, 'tributary_poll_retrying_attempts') > 0;
  const telling = producers.filter((one) => isRetrying(one) || tellsOfSources(one));
  const [known, ...theirs] = await Promise.all([
    firstAnswer(urls, token),
    ...telling.map(({ url }) => firstAnswer([url], token)),
  ]);
  const tells = ({ retrying, reading, stream }: EndpointState) => (retrying ?? reading ?? stream) !== undefined;
  const told = new Map(theirs.flat().flatMap((one) => (tells(one) ? [[one.endpoint, one]] : [])));
  return (known ?? []).map((one) => told.get(one.endpoint) ?? one);
}

async function firstAnswer(urls: readonly string[], token: string | undefined): Promise<EndpointState[]> {
  for (const url of urls) {
    const answer = await ask(url, '/endpoints', withToken(token)).catch(() => undefined);
    if (!answer?.ok) continue;
    const body: unknown = await answer.json().catch(() => undefined);
    if (Array.isArray(body)) return body as EndpointState[];
  }
  return [];
}

/** Each endpoint of the pipeline: what a producer says of it, or else what its counters show. */
export function endpointFlows(
  config: PipelineConfig,
  producers: readonly Scrape[],
  states: readonly EndpointState[],
  meter: RateMeter,
): EndpointFlow[] {
  return Object.entries(config.endpoints).map(([id, endpoint]) => {
    const state = states.find((one) => one.endpoint === id);
    const sum = (name: string) =>
      producers.reduce((total, { metrics }) => total + sumOf(metrics, name, { endpoint: id }), 0);
    const lastSuccess = Math.max(
      0,
      ...producers.map(({ metrics }) =>
        sumOf(metrics, 'tributary_poll_last_success_timestamp_seconds', { endpoint: id }),
      ),
    );
    const lastPollAt =
      state?.lastRun?.endedAt ?? (lastSuccess === 0 ? null : new Date(lastSuccess * 1_000).toISOString());
    return {
      ...describeEndpoint(id, endpoint),
      paused: state?.state === 'paused',
      running: state?.state === 'polling',
      lastPollAt,
      nextPollAt: state?.nextRun ?? nextBySchedule(endpoint, lastPollAt),
      polls: sum('tributary_poll_runs_total'),
      failures: sum('tributary_poll_failures_total'),
      rate: meter.rate(`fetched ${id}`),
      isPolled: isPolled(endpoint),
      source: wordsOfSource(id, endpoint, producers, state),
      retrying: retryingOf(id, states),
      problem: problemOf(state),
    };
  });
}

/** The child of an endpoint is polled within its poll, and tried again there. */
function retryingOf(id: string, states: readonly EndpointState[]): EndpointFlow['retrying'] {
  const found = states.find(({ retrying }) => retrying?.endpoint === id)?.retrying;
  if (found === undefined) return null;
  const { since, attempts, reason, nextAttempt } = found;
  const own = reason.startsWith(`${id}: `) ? reason.slice(id.length + 2) : reason;
  return { since, attempts, reason: own, nextAttemptAt: nextAttempt };
}

function problemOf(state: EndpointState | undefined): string | null {
  if (state === undefined || state.failures === 0) return null;
  const times = state.failures === 1 ? 'the last poll' : `the last ${state.failures} polls`;
  const rest =
    state.state === 'open' ? '; it is left alone for a while' : state.state === 'refused' ? '; a person must look' : '';
  return `${times} failed: ${state.lastRun?.error ?? 'the reason is not known'}${rest}`;
}

/** For a producer that does not say when the next poll is: with `every`, it begins so long after the one before. */
function nextBySchedule(endpoint: EndpointConfig, lastPollAt: string | null): string | null {
  const { schedule } = endpoint;
  if (!isPolled(endpoint) || !('every' in schedule) || lastPollAt === null) return null;
  return new Date(Date.parse(lastPollAt) + schedule.every).toISOString();
}
