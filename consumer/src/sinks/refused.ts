import type { PoisonError, Row } from '@tributary/shared';

/** A row that a sink will never take as it is, and what the sink says about it. */
export interface Refusal {
  /** As it was given: the same object. */
  readonly row: Row;
  /** In words that need no key in front, such as `Postgres refuses its row in customers: …`. */
  readonly error: PoisonError;
}

/**
 * The sink refuses some rows of a write for what they hold (a constraint that a person added, a value that is too large). It
 * has taken all other rows of the write, and they are durable. Giving the same rows again would lead to the same refusal, until a person
 * has changed something.
 */
export class RowsRefused extends Error {
  override readonly name = 'RowsRefused';
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ error }) => error.message).join('; '));
    this.refusals = refusals;
  }
}
