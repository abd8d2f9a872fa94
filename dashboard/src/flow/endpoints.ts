import type { EndpointConfig, PipelineConfig } from '@tributary/shared';
import { describeEndpoint } from '../endpoints/describe.js';
import { ask, withToken } from '../http/ask.js';
import type { EndpointFlow } from './flow.js';
import { sumOf } from './metrics-text.js';
import type { RateMeter } from './rates.js';
import type { Scrape } from './scrape.js';

/** What a producer says of one endpoint at `GET /endpoints`, as far as it is shown. */
export interface EndpointState {
  readonly endpoint: string;
  /** `polling`, `waiting`, `paused`, `failing`, `open` (left alone for a while) or `refused`. */
  readonly state: string;
  readonly lastRun: { readonly endedAt: string; readonly error?: string } | null;
  readonly nextRun: string | null;
  /** Failed runs in a row. */
  readonly failures: number;
}

/** Asks producers until one answers; all of them know the same. */
export async function askEndpoints(urls: readonly string[], token: string | undefined): Promise<EndpointState[]> {
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
      problem: problemOf(state),
    };
  });
}

function problemOf(state: EndpointState | undefined): string | null {
  if (state === undefined || state.failures === 0) return null;
  const times = state.failures === 1 ? 'the last poll' : `the last ${state.failures} polls`;
  const rest =
    state.state === 'open' ? '; it is left alone for a while' : state.state === 'refused' ? '; a person must look' : '';
  return `${times} failed: ${state.lastRun?.error ?? 'the reason is not known'}${rest}`;
}

/** For a producer that does not say when the next poll is: with `every`, it begins so long after the one before. */
function nextBySchedule({ schedule }: EndpointConfig, lastPollAt: string | null): string | null {
  if (!('every' in schedule) || lastPollAt === null) return null;
  return new Date(Date.parse(lastPollAt) + schedule.every).toISOString();
}
