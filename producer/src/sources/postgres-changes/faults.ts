import { describeError, FatalError, RetryableError } from '@tributary/shared';
import type { Concealed } from '../sql/concealed.js';
import { faultOf } from '../sql/postgres/errors.js';
import { codeOf } from './catalog.js';

/** The code of an error by which the slot cannot be streamed from any more: a new one has to be made. */
export const SLOT_SPOILT = 'publication_new';

export interface FaultsOptions {
  /** For people: `orders: changes of orders of postgres://host/database`. */
  readonly where: string;
  readonly publication: string;
  /** How long a statement may take, in milliseconds. */
  readonly timeout: number;
  readonly concealed: Concealed;
}

/** Says of errors where they happened, and what to do, without secrets. */
export class Faults {
  readonly #options: FaultsOptions;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  named(error: unknown): FatalError | RetryableError {
    const { where, publication, timeout, concealed } = this.#options;
    const cause = error instanceof RetryableError && error.code === 'network' ? (error.cause ?? error) : error;
    if (codeOf(cause) === '42704' && /publication/.test(String(cause))) {
      const words = `the publication "${publication}" was made after the log that is to be streamed was written`;
      return new RetryableError(
        SLOT_SPOILT,
        `${where}: ${words}, so a new slot is made, and all tables are copied again`,
      );
    }
    if (codeOf(cause) === '42501' && /row-level security/.test(String(cause))) {
      const remedy = 'let it see all rows: ALTER ROLE … BYPASSRLS';
      const words = `a policy hides rows from the user of the URL, and they would count as deleted; ${remedy}`;
      return new FatalError('rows_hidden', `${where}: ${words}`);
    }
    if (codeOf(cause) === '53300') {
      const remedy =
        'raise max_wal_senders and max_connections, or end what uses them (SELECT * FROM pg_stat_activity): following needs a connection and a sender, and another sender for a moment when it begins';
      return new RetryableError(
        'no_free_connection',
        `${where}: ${concealed.conceal(describeError(cause))}; ${remedy}`,
      );
    }
    const known = error instanceof RetryableError || error instanceof FatalError;
    const fault = known ? error : faultOf(error, timeout);
    const message = `${where}: ${concealed.conceal(fault.message)}`;
    return fault instanceof FatalError
      ? new FatalError(fault.code, message)
      : new RetryableError(codeOf(fault), message);
  }
}
