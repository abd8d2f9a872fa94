import type { Table } from './tables.js';
import type { Transaction } from './transaction.js';

const KEYS_AT_A_TIME = 5_000;

/** The keys after the first parameter, up to the second. */
export const IN_RANGE = (alias: string): string =>
  `($1::text IS NULL OR ${alias}._key > $1::text) AND ${alias}._key <= $2::text`;

/** Runs the work in one transaction of the epoch, which no newer epoch begins in the middle of. */
export type InEpoch = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

export type Range = readonly [after: string | null, last: string];

/** Goes through a table by its key, some keys in each transaction: one statement over a large table would take too long. Work that resolves with 'enough' ends it. */
export async function inRanges(
  inEpoch: InEpoch,
  { sql }: Table,
  work: (transaction: Transaction, range: Range) => Promise<unknown>,
): Promise<void> {
  let after: string | null = null;
  do {
    const from: string | null = after;
    after = await inEpoch<string | null>(async (transaction) => {
      const [end] = await transaction.query<{ last: string | null }>(
        `SELECT max(_key) AS last FROM (SELECT _key FROM ${sql} WHERE $1::text IS NULL OR _key > $1::text
          ORDER BY _key LIMIT ${KEYS_AT_A_TIME}) AS page`,
        [from],
      );
      const last = end?.last ?? null;
      const isEnough = last !== null && (await work(transaction, [from, last])) === 'enough';
      return isEnough ? null : last;
    });
  } while (after !== null);
}
