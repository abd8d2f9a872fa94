import { PoisonError, RetryableError, type Row } from '@tributary/shared';
import { DatabaseError } from 'pg';
import type { Refusal } from '../refused.js';
import type { DatasetTables } from './tables.js';

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

/** Classes that may be of a row if they come from a function: what such an error says of the database, a trigger may have raised. */
const RAISED_BY_FUNCTIONS: ReadonlySet<string> = new Set(['42', '55']);

/** Waiting for a lock, whoever wants it, says nothing of the row. */
const LOCK_NOT_AVAILABLE = '55P03';

/** The function of the server that checks a row against the policies of its table (row level security). */
const POLICY_CHECK = 'ExecWithCheckOptions';

/** Postgres has taken a row, and it is not there: a trigger or a rule of another person has left it out. */
export class RowNotKept extends RetryableError {
  constructor(message: string) {
    super('row_not_kept', message);
  }
}

/** A key is closed, and its row stands there as one that is not. */
export function notSettled({ rows, tombstones, keepsDeleted }: DatasetTables, key: string): RowNotKept {
  const done = keepsDeleted ? 'mark' : 'remove';
  const what = `Postgres did not ${done} the row of a deleted record: a trigger on the table leaves the deletion out`;
  return new RowNotKept(`${what} (key ${key}, table ${rows.sql} or ${tombstones.sql})`);
}

/** What the server said; undefined if the error is not one of its own, such as a connection that broke. */
const serverErrorOf = (error: unknown): DatabaseError | undefined => {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return cause instanceof DatabaseError ? cause : undefined;
};

/** A value that is missing in a column that must have one. */
const NOT_NULL = '23502';

/** @param tables those that were written to */
export function culpritOf(error: unknown, tables: DatasetTables): Culprit {
  if (error instanceof RowNotKept) return 'either';
  const { code, where, routine, table, column } = serverErrorOf(error) ?? {};
  if (code === undefined) return 'sink';
  if (code === NOT_NULL && isOfAnother(column, table, tables)) return 'sink';
  const group = code.slice(0, 2);
  const isOfFunction = where !== undefined && where !== '' && code !== LOCK_NOT_AVAILABLE;
  if (RAISED_BY_FUNCTIONS.has(group) && isOfFunction) return 'either';
  if (code === '42501' && routine === POLICY_CHECK) return 'either';
  // A table or a column that is missing, or is another one than it was: no row can change that, and it is made again.
  if (group === '42' && !isOfFunction) return 'sink';
  return BY_CODE[code] ?? BY_CLASS[group] ?? 'either';
}

/** Whether another person has added this column. No row has a value for it, so the table would refuse every row. */
function isOfAnother(column: string | undefined, table: string | undefined, tables: DatasetTables): boolean {
  const found = [tables.rows, tables.tombstones, tables.history].find((one) => one !== undefined && one.name === table);
  return found?.columns.every(({ name }) => name !== column) === true;
}

/** Errors whose detail names the columns, and does not show the whole row or change from time to time. */
const WITH_DETAIL: ReadonlySet<string> = new Set(['23503', '23505', '23P01']);

/** Characters. The reason travels in a header, and the server's words may hold a whole field. */
const LONGEST_WORDS = 500;

type Words = Partial<Pick<DatabaseError, 'message' | 'detail' | 'code' | 'constraint' | 'column'>>;

/** The refusal of a row, in the server's own words. */
export function refusal(row: Row, error: unknown): Refusal {
  const own = error instanceof RowNotKept ? { message: error.message } : {};
  const { message = '', detail = '', code = '', constraint, column }: Words = serverErrorOf(error) ?? own;
  const words = WITH_DETAIL.has(code) ? `${message}: ${detail}` : message;
  const names = [
    code === '' ? 'no error' : `SQLSTATE ${code}`,
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
