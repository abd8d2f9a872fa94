import { type Metrics, PROCESS_START } from './metrics-text.js';
import type { Scrape } from './scrape.js';

/** What flows, by name: the service's counter, and the labels that are counted. */
const FLOWS = {
  fetched: ['tributary_poll_records_total', {}],
  published: ['tributary_publish_confirmed_total', {}],
  accepted: ['tributary_records_total', { outcome: 'accepted' }],
  duplicate: ['tributary_records_total', { outcome: 'duplicate' }],
  stale: ['tributary_records_total', { outcome: 'stale' }],
  dead: ['tributary_records_total', { outcome: 'dead' }],
  written: ['tributary_rows_written_total', {}],
} as const;

type FlowName = keyof typeof FLOWS;
export const FLOW_NAMES = Object.keys(FLOWS) as readonly FlowName[];
export type Rates = Readonly<Record<FlowName, number>>;

/** Milliseconds over which a rate is taken: long enough for a steady number, short enough for a present one. */
const WINDOW = 15_000;

/** Milliseconds. A process that began so shortly before the first look has counted what flows now: under `npm start` all begin at once. */
const LATELY = 60_000;

/** Turns counters into rates, also of processes that come, go and start again. */
export class RateMeter {
  /** The value last seen, by instance and counter. */
  readonly #last = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  readonly #past: { at: number; totals: ReadonlyMap<string, number> }[] = [];
  /** Instances that have told something. */
  readonly #known = new Set<string>();

  /** Adds what the instances count now. */
  take(at: number, scrapes: readonly Pick<Scrape, 'address' | 'metrics'>[]): void {
    const before = this.#past.at(-1)?.at ?? at - LATELY;
    const fresh = scrapes.map(({ metrics }) => beganAt(metrics)).filter((began) => began > before && began < at);
    if (this.#past.length === 0 && fresh.length > 0) this.#past.push({ at: Math.min(...fresh), totals: new Map() });
    for (const { address, metrics } of scrapes) {
      if (metrics.size === 0) continue;
      this.#takeFrom(address, metrics, this.#known.has(address) || beganAt(metrics) > before);
      this.#known.add(address);
    }
    this.#past.push({ at, totals: new Map(this.#totals) });
    while (this.#past.length > 2 && at - (this.#past[1]?.at ?? at) >= WINDOW) this.#past.shift();
  }

  /** @param fromNothing whether a counter that is seen for the first time has counted from 0 since the last look: it is there once there is something to count */
  #takeFrom(address: string, metrics: Metrics, fromNothing: boolean): void {
    for (const [flow, [name, labels]] of Object.entries(FLOWS)) {
      for (const sample of metrics.get(name) ?? []) {
        if (!Object.entries(labels).every(([label, value]) => sample.labels[label] === value)) continue;
        const series = `${address} ${flow} ${JSON.stringify(sample.labels)}`;
        const before = this.#last.get(series);
        this.#last.set(series, sample.value);
        // What was counted before the first look does not flow now. A smaller value means that the process began anew.
        const since = before ?? (fromNothing ? 0 : sample.value);
        const more = sample.value >= since ? sample.value - since : sample.value;
        this.#add(flow, more);
        const entity = sample.labels.entity ?? sample.labels.endpoint ?? sample.labels.dataset ?? sample.labels.queue;
        if (entity !== undefined) this.#add(`${flow} ${entity}`, more);
      }
    }
  }

  #add(what: string, more: number): void {
    this.#totals.set(what, (this.#totals.get(what) ?? 0) + more);
  }

  /** Per second, of a flow as a whole or of one entity, endpoint, queue or dataset (`fetched crm-customers`). */
  rate(what: string): number {
    const first = this.#past[0];
    const last = this.#past.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    const more = (last.totals.get(what) ?? 0) - (first.totals.get(what) ?? 0);
    return (more * 1_000) / (last.at - first.at);
  }

  get rates(): Rates {
    return Object.fromEntries(FLOW_NAMES.map((name) => [name, this.rate(name)])) as Record<FlowName, number>;
  }
}

/** Milliseconds since the epoch; NaN if the process does not tell. */
const beganAt = (metrics: Metrics): number => (metrics.get(PROCESS_START)?.[0]?.value ?? Number.NaN) * 1_000;
