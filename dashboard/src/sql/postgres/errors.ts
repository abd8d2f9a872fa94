import { SqlError } from '../port.js';

/** What Postgres tells of an error. */
interface Told {
  readonly code?: string;
  readonly message: string;
  readonly hint?: string;
  /** In characters, from 1 on. */
  readonly position?: string;
}

const LONGEST = 600;

/**
 * Postgres' error in its words, without its address.
 * @param before characters that stand before the query in the statement
 */
export function asSqlError(error: unknown, seconds: number, before: number): unknown {
  if (error instanceof SqlError) return error;
  const { code = '', message, position } = error as Told;
  // Not a SQLSTATE: the server cannot be reached, or has closed the connection.
  if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('08') || code.startsWith('28') || code.startsWith('57P')) {
    return new Error(`Postgres cannot be asked (${code || 'the connection was closed'})`);
  }
  if (code === '57014') {
    return new SqlError(
      'sql_too_slow',
      `it takes longer than ${seconds} s: ask for fewer rows, or filter before joining`,
    );
  }
  if (code.startsWith('53') || code === '54000')
    return new SqlError('sql_too_large', `it takes more than Postgres gives it: ${message}`.slice(0, LONGEST));
  if (code === '42501' && /temporary/.test(message)) return new SqlError('sql_refused', NEEDS_TEMPORARY);
  const hint = code === '42701' ? TWICE : (error as Told).hint;
  const words = [message, ...(hint === undefined ? [] : [hint])].join('. ').slice(0, LONGEST);
  const at = position === undefined ? undefined : Number(position) - 1 - before;
  return new SqlError('sql_wrong', words, at === undefined || at < 0 ? undefined : at);
}

/** Of two columns of a result that are called alike, of which Postgres has no hint. */
const TWICE = 'Call one of them otherwise: count(DISTINCT city) AS cities';

const NEEDS_TEMPORARY =
  'the role that asks in SQL may not make temporary views, with which a query is looked at before it runs: GRANT TEMPORARY ON DATABASE to it';
