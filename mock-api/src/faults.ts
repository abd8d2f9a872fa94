import { z } from 'zod';
import { createRandomizer } from './randomizer.js';

const rate = z.number({ error: 'expected a rate from 0 to 1' }).min(0).max(1);
const milliseconds = z.int({ error: 'expected whole milliseconds' }).min(0).max(600_000);

/** How the API misbehaves. A rate is the share of requests that it happens to; nothing happens unless it is named. */
export const faultsSchema = z.strictObject({
  /** Answers with a status instead, by its rate: `{"503": 0.1, "429": 0.05}`. */
  status: z.record(z.string().regex(/^[45]\d\d$/, 'expected a status from 400 to 599'), rate).default({}),
  /** What 429 and 503 say in Retry-After, in seconds; nothing if it is not given. */
  retryAfter: z.number().min(0).max(86_400).optional(),
  /** It says so as a date, not in seconds. */
  retryAfterAsDate: z.boolean().default(false),
  /** Every answer comes so much later, and up to `jitter` more. */
  latency: milliseconds.default(0),
  jitter: milliseconds.default(0),
  /** The body ends in the middle, though its headers say that it does not; or as if it were whole. */
  dropped: rate.default(0),
  truncated: rate.default(0),
  /** JSON that is none. */
  malformed: rate.default(0),
  /** A page for people, with status 200. */
  html: rate.default(0),
  /** The body comes in small pieces, so many milliseconds apart. */
  slow: rate.default(0),
  slowPause: milliseconds.default(50),
  /** A record changes just before the page is read, so that numbered pages move. */
  moving: rate.default(0),
  /** The page holds the records of the page before as well. */
  duplicated: rate.default(0),
  /** The records of the page come in another order. */
  shuffled: rate.default(0),
  /** How far the API's clock is ahead (or, below 0, behind), in milliseconds: its Date header, and its new versions. */
  clockSkew: z.int().min(-86_400_000).max(86_400_000).default(0),
});

export type FaultSettings = z.output<typeof faultsSchema>;

export const NO_FAULTS: FaultSettings = faultsSchema.parse({});

/** @returns what is wrong with the settings, a line each, if anything is */
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

/** Ways to spoil a body that is otherwise right. */
export const SPOILS = ['dropped', 'truncated', 'malformed', 'html', 'slow'] as const;
export type Spoil = (typeof SPOILS)[number];

/** What happens to one request. */
export interface Misfortune {
  /** In milliseconds. */
  readonly latency: number;
  /** Answered instead; undefined for an honest answer. */
  readonly status: number | undefined;
  readonly spoil: Spoil | undefined;
  readonly moving: boolean;
  readonly duplicated: boolean;
  readonly shuffled: boolean;
}

/** The faults that are set, drawn for each request from a source of its own: the same seed, the same misfortunes. */
export class Faults {
  settings: FaultSettings;
  readonly #random = createRandomizer();

  constructor(settings: FaultSettings, seed: number) {
    this.settings = settings;
    this.#random.seed([seed, FAULTS]);
  }

  draw(): Misfortune {
    const { status, latency, jitter, moving, duplicated, shuffled } = this.settings;
    const happens = (rate: number) => rate > 0 && this.#random.next() < rate;
    const drawn = Object.entries(status).find(([, rate]) => happens(rate))?.[0];
    return {
      latency: latency + (jitter > 0 ? Math.floor(this.#random.next() * jitter) : 0),
      status: drawn === undefined ? undefined : Number(drawn),
      spoil: SPOILS.find((spoil) => happens(this.settings[spoil])),
      moving: happens(moving),
      duplicated: happens(duplicated),
      shuffled: happens(shuffled),
    };
  }

  /** From 0 to 1, for what a misfortune needs beside. */
  random(): number {
    return this.#random.next();
  }
}

/** The seed of misfortunes differs from those of records and changes by this. */
const FAULTS = 4;
