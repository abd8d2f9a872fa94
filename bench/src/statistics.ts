/** The results of several rounds. In each, the limit is measured right after the value. */
export interface Comparison {
  /** The median of the values. */
  readonly value: number;
  /** The median of the limits. */
  readonly limit: number;
  /** `value / limit`. */
  readonly ratio: number;
  /** The difference between the largest and the smallest ratio of the rounds, as a share of their median. */
  readonly spread: number;
}

/** One round: what was measured, and its limit. */
export interface Round {
  readonly value: number;
  readonly limit: number;
}

/** @throws Error if there are no values */
export function median(values: readonly number[]): number {
  const sorted = sort(values);
  const middle = Math.floor(sorted.length / 2);
  const upper = at(sorted, middle);
  return sorted.length % 2 === 1 ? upper : (at(sorted, middle - 1) + upper) / 2;
}

/**
 * The smallest value that is not below this share of all values (the nearest-rank method). It is always a measured value.
 * @param share from 0 to 1
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = sort(values);
  return at(sorted, Math.max(0, Math.ceil(share * sorted.length) - 1));
}

/** The largest minus the smallest value, as a share of the median; 0 for a single value. */
export function spread(values: readonly number[]): number {
  const sorted = sort(values);
  return (at(sorted, sorted.length - 1) - at(sorted, 0)) / median(values);
}

export function compare(rounds: readonly Round[]): Comparison {
  const value = median(rounds.map((round) => round.value));
  const limit = median(rounds.map((round) => round.limit));
  // Value and limit of one round are measured right after each other, so a machine that slows down adds no spread.
  const ratios = rounds.map((round) => round.value / round.limit);
  return { value, limit, ratio: value / limit, spread: spread(ratios) };
}

const sort = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

function at(sorted: readonly number[], index: number): number {
  const value = sorted[index];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}
