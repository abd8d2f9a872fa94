import type { Endpoint } from '../endpoint.js';
import type { NotDeleted } from '../poll/missing-news.js';
import type { CircuitState } from './circuit.js';

/** What is known about an endpoint's polls, by any producer. Times are milliseconds since the epoch. */
export interface EndpointState {
  /** The producer that polled it last. */
  readonly producer: string;
  readonly run: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly records: number;
  readonly published: number;
  /** Why the last run failed; absent if it did not. */
  readonly error?: string | undefined;
  /** What the last walk over everything missed and did not delete, and why; absent if nothing. */
  readonly notDeleted?: NotDeleted | undefined;
  readonly lastSuccessAt?: number | undefined;
  /** When the last full poll began: one that did not use the cursor. */
  readonly lastFullAt?: number | undefined;
  /**
   * When the schedule polls next; null if never again. Absent if it is not known, or if the settings or the sink changed, so
   * that the endpoint has to be polled at once.
   */
  readonly nextAt?: number | null | undefined;
  readonly circuit: CircuitState;
  readonly failures: number;
  readonly retryAt?: number | undefined;
  /** Before when the API asked not to be asked again. */
  readonly notBefore?: number | undefined;
}

/** Stores the states of endpoints, for the producer that takes an endpoint over and for the operation routes. */
export interface StateStore {
  load(endpoint: Endpoint): Promise<EndpointState | undefined>;
  save(endpoint: Endpoint, state: EndpointState): Promise<void>;
}

/** In memory: for dry runs and tests. */
export function memoryStateStore(): StateStore {
  const states = new Map<string, string>();
  return {
    async load({ id, fingerprint }) {
      const text = states.get(id);
      return text === undefined ? undefined : decodeState(text, fingerprint);
    },
    async save({ id, fingerprint }, state) {
      states.set(id, JSON.stringify({ ...state, settings: fingerprint }));
    },
  };
}

/** Only producers write here, so the fields are not checked. Text that is not JSON counts as absent. */
export function decodeState(text: string, settings: string): EndpointState | undefined {
  try {
    const { settings: saved, ...state } = JSON.parse(text) as EndpointState & { settings: string };
    return saved === settings ? state : { ...state, nextAt: undefined, lastFullAt: undefined };
  } catch {
    return undefined;
  }
}
