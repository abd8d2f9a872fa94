import type { SqlError } from './port.js';

/** What is wrong with a query, and where, as people count lines and characters. */
export function placeWords(sql: string, { message, position }: Pick<SqlError, 'message' | 'position'>): string {
  if (position === undefined) return message;
  const before = sql.slice(0, position).split('\n');
  return `line ${before.length}, character ${(before.at(-1)?.length ?? 0) + 1}: ${message}`;
}
