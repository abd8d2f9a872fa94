import type { PoisonError, Row } from '@tributary/shared';
import type { Mark } from './port.js';

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
  /** How far the output got with the other rows; undefined if there were none. */
  readonly mark: Mark | undefined;

  constructor(refusals: readonly Refusal[], mark?: Mark) {
    super(refusals.map(({ error }) => error.message).join('; '));
    this.refusals = refusals;
    this.mark = mark;
  }
}
