import type { EndpointState } from './endpoints.js';
import { sumOf } from './metrics-text.js';
import type { Scrape } from './scrape.js';

/** One run of an endpoint that has ended, as it was seen from here. Times are ISO 8601 in UTC. */
export interface SeenRun {
  readonly run: number | null;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly records: number;
  /** Messages that the broker has confirmed. */
  readonly published: number;
  /** Counted between two looks; null where more than this run was between them. */
  readonly pages: number | null;
  readonly retries: number | null;
  readonly producer: string | null;
  /** Why it failed; null if it did not. */
  readonly error: string | null;
}

/** A run as it is kept in a file. */
export interface KeptRun extends SeenRun {
  readonly endpoint: string;
}

/** Runs of each endpoint that are remembered, where endpoints are not too many; and of all. */
const KEPT = 500;
const MOST = 30_000;
const FEWEST = 30;
/** Lines of the file before it is written anew. */
export const MOST_RUNS = 2 * MOST;

interface Counted {
  readonly pages: number;
  readonly retries: number;
}

/** Remembers the runs of each endpoint, from what producers say of the last one. Runs that begin and end between two looks are not seen. */
export class RunHistory {
  readonly #runs = new Map<string, SeenRun[]>();
  readonly #counted = new Map<string, Counted>();
  readonly #kept: number;

  /** @param endpoints how many there are */
  constructor(endpoints = 1) {
    this.#kept = Math.max(FEWEST, Math.min(KEPT, Math.floor(MOST / Math.max(1, endpoints))));
  }

  /** Takes in runs that were seen before a restart, the oldest first. */
  restore(runs: readonly KeptRun[], isEndpoint: (id: string) => boolean): void {
    for (const { endpoint, ...run } of runs) {
      if (typeof endpoint !== 'string' || !isEndpoint(endpoint) || typeof run.endedAt !== 'string') continue;
      const known = this.#runs.get(endpoint) ?? [];
      // Another dashboard may have kept the same one.
      if (known.some(({ endedAt }) => endedAt === run.endedAt)) continue;
      this.#runs.set(endpoint, [run, ...known].slice(0, this.#kept));
    }
  }

  /** All that are remembered, the oldest of each endpoint first. */
  all(): readonly KeptRun[] {
    return [...this.#runs].flatMap(([endpoint, runs]) => runs.toReversed().map((run) => ({ endpoint, ...run })));
  }

  /** @returns the runs that are new */
  take(states: readonly EndpointState[], producers: readonly Pick<Scrape, 'metrics'>[]): KeptRun[] {
    const found: KeptRun[] = [];
    for (const state of states) {
      const { endpoint, lastRun } = state;
      const runs = this.#runs.get(endpoint) ?? [];
      const before = runs[0];
      if (lastRun === null || lastRun.endedAt === before?.endedAt) continue;
      const { startedAt = lastRun.endedAt, endedAt, records = 0, published = 0, error = null } = lastRun;
      const counted = countedOf(endpoint, producers);
      const last = this.#counted.get(endpoint);
      const run = state.run ?? null;
      // A look may come in the middle of the next run: what was counted is of this run only if that has not begun.
      const isAlone = before?.run != null && run === before.run + 1 && state.state !== 'polling';
      const since = isAlone && last !== undefined && last.pages <= counted.pages ? last : undefined;
      const seen: SeenRun = {
        run,
        startedAt,
        endedAt,
        records,
        published,
        pages: since === undefined ? null : counted.pages - since.pages,
        retries: since === undefined ? null : counted.retries - since.retries,
        producer: state.producer ?? null,
        error,
      };
      found.push({ endpoint, ...seen });
      this.#runs.set(endpoint, [seen, ...runs].slice(0, this.#kept));
      if (state.state === 'polling') this.#counted.delete(endpoint);
      else this.#counted.set(endpoint, counted);
    }
    return found;
  }

  /** The newest first. */
  of(endpoint: string): readonly SeenRun[] {
    return this.#runs.get(endpoint) ?? [];
  }
}

function countedOf(endpoint: string, producers: readonly Pick<Scrape, 'metrics'>[]): Counted {
  const sum = (name: string) => producers.reduce((all, { metrics }) => all + sumOf(metrics, name, { endpoint }), 0);
  return { pages: sum('tributary_poll_pages_total'), retries: sum('tributary_poll_retries_total') };
}
