import type { Bench } from './bench.js';
import type { Measured } from './figure.js';
import { compare, type Round } from './statistics.js';

/** The two sides of a comparison. Each returns records per second. */
export interface Sides {
  ours(round: number): Promise<number>;
  limit(round: number): Promise<number>;
}

/** Measures both sides in turn, A B A B, so that other load on the machine affects both. */
export async function interleave(bench: Bench, what: string, count: number, sides: Sides): Promise<Measured> {
  const rounds: Round[] = [];
  for (let round = 1; round <= count; round++) {
    bench.signal.throwIfAborted();
    const value = Math.round(await sides.ours(round));
    const limit = Math.round(await sides.limit(round));
    rounds.push({ value, limit });
    bench.say(
      `${what}, round ${round} of ${count}: ${value.toLocaleString('en')}/s, limit ${limit.toLocaleString('en')}/s`,
    );
  }
  const { spread, ...medians } = compare(rounds);
  const more = { rounds };
  // A single round says nothing about the spread.
  return count > 1 ? { ...medians, spread, more } : { ...medians, more };
}
