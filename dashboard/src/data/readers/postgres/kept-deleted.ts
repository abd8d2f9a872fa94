/**
 * The rows of a dataset's table that are those of deleted records, or that are not. The table has the column `_deleted` if deleted rows
 * are kept, or were before the consumer that removes them has started. Where it has none, the name is that of the value beside it: no
 * row is deleted, which Postgres knows when it plans the statement.
 *
 * @param table quoted
 */
export const rowsThat = (are: 'IS TRUE' | 'IS NOT TRUE', table: string): string =>
  `(SELECT kept.* FROM (SELECT false AS _deleted) AS absent CROSS JOIN LATERAL (SELECT * FROM ${table} WHERE _deleted ${are}) AS kept)`;
