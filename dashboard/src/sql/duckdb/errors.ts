import { SqlError } from '../port.js';

/** What DuckDB tells of an error when it is set to tell it as JSON. */
interface Told {
  readonly exception_type?: string;
  readonly exception_message?: string;
  /** In bytes. */
  readonly position?: string;
}

const LONGEST = 600;

/** DuckDB's error in its words, without what leads to this machine. */
export function asSqlError(error: unknown, sql: string): SqlError {
  if (error instanceof SqlError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const { exception_type: type = '', exception_message: message = text, position } = told(text);
  const [line = '', ...more] = message.split('\n');
  if (type === 'Out of Memory') return new SqlError('sql_too_large', TOO_LARGE);
  if (type === 'Permission') return new SqlError('sql_refused', 'files and the network cannot be reached from here');
  const hint = more.find((one) => /^(Candidate|Did you mean)/.test(one));
  const words = [line, ...(hint === undefined ? [] : [hint])]
    .map((part) => part.replace(/[.!]+$/, ''))
    .join('. ')
    .slice(0, LONGEST);
  return new SqlError('sql_wrong', withoutPaths(words), position === undefined ? undefined : unitsOf(sql, position));
}

export const TOO_LARGE =
  'it takes more memory than a query may: ask for fewer rows or columns, or group and filter before joining and sorting';

function told(text: string): Told {
  const at = text.indexOf('{"exception_type"');
  try {
    return at < 0 ? {} : (JSON.parse(text.slice(at)) as Told);
  } catch {
    return {};
  }
}

const unitsOf = (sql: string, bytes: string): number =>
  Buffer.from(sql).subarray(0, Number(bytes)).toString('utf8').length;

/** A text of the query may look like a path too: then the message has less to say. */
const withoutPaths = (text: string): string => text.replaceAll(/(?<![\w.])(?:\/[\w.@+-]+){2,}\/?/g, '(a path)');
