import type { Bench } from './bench.js';

/** One figure of the bench. */
export interface Figure {
  /** `publish`, or `drain.csv` where several belong together. */
  readonly name: string;
  readonly unit: 'records/s' | 'MB';
  /** What it says, for somebody who sees it for the first time. */
  readonly sentence: string;
  measure(bench: Bench): Promise<Measured>;
}

export interface Measured {
  readonly value: number;
  /** What the same machine does at most, measured in the same run; undefined where nothing says that. */
  readonly limit?: number;
  readonly ratio?: number;
  readonly spread?: number;
  /** Further results, by the names that they have in the JSON. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** What of them is worth a place in the table. */
  readonly detail?: string;
}

/** What came of a figure. */
export type Outcome =
  | { readonly kind: 'measured'; readonly measured: Measured }
  /** It cannot be measured here, and why. */
  | { readonly kind: 'left out'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Thrown by a figure that cannot be measured on this machine. */
export class LeftOut extends Error {
  override readonly name = 'LeftOut';
}
