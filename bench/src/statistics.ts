/** Figures of one thing measured several times, each beside its limit, measured right after it. */
export interface Comparison {
  /** The median of ours. */
  readonly value: number;
  /** The median of the limits. */
  readonly limit: number;
  /** `value / limit`. */
  readonly ratio: number;
  /** How far the rounds' own ratios lie apart: largest less smallest, as a share of their median. */
  readonly spread: number;
}

/** One round: what was measured, and its limit. */
export interface Round {
  readonly value: number;
  readonly limit: number;
}

/** @throws Error if there is nothing to take the median of */
export function median(values: readonly number[]): number {
  const sorted = sort(values);
  const middle = Math.floor(sorted.length / 2);
  const upper = at(sorted, middle);
  return sorted.length % 2 === 1 ? upper : (at(sorted, middle - 1) + upper) / 2;
}

/**
 * The smallest value that at least this share of all values does not exceed (the nearest-rank method), so it is a value
 * that was measured.
 * @param share from 0 to 1
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = sort(values);
  return at(sorted, Math.max(0, Math.ceil(share * sorted.length) - 1));
}

/** Largest less smallest, as a share of the median; 0 for a single value. */
export function spread(values: readonly number[]): number {
  const sorted = sort(values);
  return (at(sorted, sorted.length - 1) - at(sorted, 0)) / median(values);
}

export function compare(rounds: readonly Round[]): Comparison {
  const value = median(rounds.map((round) => round.value));
  const limit = median(rounds.map((round) => round.limit));
  // Of two that were measured one right after the other, so a machine that slows down over the rounds is no spread.
  const ratios = rounds.map((round) => round.value / round.limit);
  return { value, limit, ratio: value / limit, spread: spread(ratios) };
}

const sort = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

function at(sorted: readonly number[], index: number): number {
  const value = sorted[index];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}
