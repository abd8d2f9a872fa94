import { PoisonError, type Row } from '@tributary/shared';
import { DatabaseError } from 'pg';
import type { Refusal } from '../refused.js';

/** Whose fault an error is: of a row and what it holds, of the database as a whole, or of either. */
export type Culprit = 'row' | 'sink' | 'either';

/**
 * Classes of SQLSTATE (Postgres manual, appendix A). Of a row: data exceptions, constraints, limits such as the size of a page, and what a
 * trigger of another person raises. All classes that are not here may be of either: a trigger may use a function that is missing.
 */
const BY_CLASS: Readonly<Record<string, Culprit>> = {
  '20': 'row',
  '21': 'row',
  '22': 'row',
  '23': 'row',
  '2F': 'row',
  '38': 'row',
  '39': 'row',
  '44': 'row',
  '54': 'row',
  P0: 'row',
  '08': 'sink',
  '25': 'sink',
  '28': 'sink',
  '3B': 'sink',
  '3D': 'sink',
  '40': 'sink',
  '53': 'sink',
  '55': 'sink',
  '57': 'sink',
  '58': 'sink',
};

const BY_CODE: Readonly<Record<string, Culprit>> = { '42501': 'sink', XX001: 'sink', XX002: 'sink' };

/** What the server said; undefined if the error is not one of its own, such as a connection that broke. */
const serverErrorOf = (error: unknown): DatabaseError | undefined => {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return cause instanceof DatabaseError ? cause : undefined;
};

export function culpritOf(error: unknown): Culprit {
  const code = serverErrorOf(error)?.code;
  if (code === undefined) return 'sink';
  return BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 'either';
}

/** Errors whose detail names the columns, and does not show the whole row or change from time to time. */
const WITH_DETAIL: ReadonlySet<string> = new Set(['23503', '23505', '23P01']);

/** Characters. The reason travels in a header, and the server's words may hold a whole field. */
const LONGEST_WORDS = 500;

/** The refusal of a row, in the server's own words. */
export function refusal(row: Row, error: unknown): Refusal {
  const { message = '', detail = '', code = '', constraint, column } = serverErrorOf(error) ?? {};
  const words = WITH_DETAIL.has(code) ? `${message}: ${detail}` : message;
  const names = [
    `SQLSTATE ${code}`,
    ...(constraint === undefined ? [] : [`constraint "${constraint}"`]),
    ...(column === undefined ? [] : [`column "${column}"`]),
  ].join(', ');
  const text = `Postgres refuses its row in ${row.dataset}: ${shortened(words)} (${names}); mend the record or what refuses it, and replay the dead letter`;
  const field = column ?? /^Key \(([^(),]+)\)=/.exec(detail)?.[1];
  return {
    row,
    error: new PoisonError('row_refused', text, field, {
      cause: error,
      fault: `Postgres refuses rows of ${row.dataset}: ${names}`,
    }),
  };
}

const shortened = (text: string): string => (text.length <= LONGEST_WORDS ? text : `${text.slice(0, LONGEST_WORDS)}…`);
