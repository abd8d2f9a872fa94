import { z } from 'zod';
import { createRandomizer } from '../crm/randomizer.js';

const rate = z.number({ error: 'expected a rate from 0 to 1' }).min(0).max(1);
const milliseconds = z.int({ error: 'expected whole milliseconds' }).min(0).max(600_000);

/** How the API misbehaves. A rate is the share of requests that have the fault. A fault that is not named never happens. */
export const faultsSchema = z.strictObject({
  /** Answers with an error status, each at its rate: `{"503": 0.1, "429": 0.05}`. */
  status: z.record(z.string().regex(/^[45]\d\d$/, 'expected a status from 400 to 599'), rate).default({}),
  /** The Retry-After header of 429 and 503, in seconds; without it, they have none. */
  retryAfter: z.number().min(0).max(86_400).optional(),
  /** Writes Retry-After as a date instead of seconds. */
  retryAfterAsDate: z.boolean().default(false),
  /** Delays every answer by this long, and by up to `jitter` more. */
  latency: milliseconds.default(0),
  jitter: milliseconds.default(0),
  /** Closes the connection in the middle of the body. */
  dropped: rate.default(0),
  /** Ends the body in the middle, as if it were complete. */
  truncated: rate.default(0),
  /** Sends text that is not valid JSON. */
  malformed: rate.default(0),
  /** Sends an HTML page with status 200. */
  html: rate.default(0),
  /** Sends the body in small pieces, with `slowPause` milliseconds between them. */
  slow: rate.default(0),
  slowPause: milliseconds.default(50),
  /** Changes a record just before the page is read, so that numbered pages move. */
  moving: rate.default(0),
  /** Puts the records of the page before into this page as well. */
  duplicated: rate.default(0),
  /** Reverses the order of the records of a page. */
  shuffled: rate.default(0),
  /** How many milliseconds the API's clock is ahead (below 0: behind), in its Date header and in new versions. */
  clockSkew: z.int().min(-86_400_000).max(86_400_000).default(0),
});

export type FaultSettings = z.output<typeof faultsSchema>;

export const NO_FAULTS: FaultSettings = faultsSchema.parse({});

/** Reads fault settings. @returns the settings, or what is wrong with them, one line for each mistake */
export function readFaults(value: unknown): { readonly faults: FaultSettings } | { readonly wrong: readonly string[] } {
  const parsed = faultsSchema.safeParse(value);
  if (parsed.success) return { faults: parsed.data };
  return { wrong: parsed.error.issues.map(describe) };
}

function describe(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.') || '(all)';
  if (issue.code === 'unrecognized_keys') return `${place}: there is no fault ${issue.keys.join(', ')}`;
  return `${place}: ${issue.code === 'invalid_key' ? issue.issues[0]?.message : issue.message}`;
}

/** Ways to damage a body that is otherwise right. */
export const DAMAGES = ['dropped', 'truncated', 'malformed', 'html', 'slow'] as const;
export type Damage = (typeof DAMAGES)[number];

/** The faults of one request. */
export interface DrawnFaults {
  /** In milliseconds. */
  readonly latency: number;
  /** The error status to answer with; undefined for a normal answer. */
  readonly status: number | undefined;
  readonly damage: Damage | undefined;
  readonly moving: boolean;
  readonly duplicated: boolean;
  readonly shuffled: boolean;
}

/** Added to the seed, so that faults differ from records and changes. */
const FAULTS = 4;

/** The faults that are set. They are drawn for each request from a random source of their own: the same seed gives the same faults. */
export class Faults {
  settings: FaultSettings;
  readonly #random = createRandomizer();

  constructor(settings: FaultSettings, seed: number) {
    this.settings = settings;
    this.#random.seed([seed, FAULTS]);
  }

  draw(): DrawnFaults {
    const { status, latency, jitter, moving, duplicated, shuffled } = this.settings;
    const happens = (rate: number) => rate > 0 && this.#random.next() < rate;
    const drawn = Object.entries(status).find(([, rate]) => happens(rate))?.[0];
    return {
      latency: latency + (jitter > 0 ? Math.floor(this.#random.next() * jitter) : 0),
      status: drawn === undefined ? undefined : Number(drawn),
      damage: DAMAGES.find((damage) => happens(this.settings[damage])),
      moving: happens(moving),
      duplicated: happens(duplicated),
      shuffled: happens(shuffled),
    };
  }
}
