import type { Bench } from './bench.js';

/** One figure of the bench. */
export interface Figure {
  /** Such as `publish`, or `drain.csv` in a group of several. */
  readonly name: string;
  readonly unit: 'records/s' | 'MB';
  /** What it measures, for a reader who sees it for the first time. */
  readonly sentence: string;
  measure(bench: Bench): Promise<Measured>;
}

export interface Measured {
  readonly value: number;
  /** The most that is possible on the same machine, measured in the same run; undefined if there is no such limit. */
  readonly limit?: number;
  readonly ratio?: number;
  readonly spread?: number;
  /** Further results, by the names that they have in the JSON. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** The part of them that the table shows. */
  readonly detail?: string;
}

/** The outcome of measuring a figure. */
export type Outcome =
  | {
      readonly kind: 'measured';
      readonly measured: Measured;
      /** The share of the machine that other programs took meanwhile. */
      readonly others: number;
    }
  /** It cannot be measured on this machine. */
  | { readonly kind: 'left out'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Thrown by a figure that cannot be measured on this machine. */
export class LeftOut extends Error {
  override readonly name = 'LeftOut';
}
