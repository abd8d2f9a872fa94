import type { Dataset } from '@tributary/shared';
import { withoutTwins } from '../../../sql/duckdb/twins.js';
import { quotedName } from '../../../sql/quoted.js';
import { isSystemColumn } from '../query/columns.js';
import type { StoredColumn, Table } from './table.js';

/** What a view is read as, by the type of a column. Nothing is NULL. */
function typed({ name, text, compared }: StoredColumn, { columns }: Dataset): string {
  if (name === '_deleted') return `${text} = 'true'`;
  if (name === '_written_at') return 'written';
  const filled = `nullif(${text}, '')`;
  switch (isSystemColumn(name) ? 'string' : columns[name]?.type) {
    case 'integer':
      return `TRY_CAST(${text} AS BIGINT)`;
    case 'decimal':
      return `TRY_CAST(${text} AS DECIMAL(38, 18))`;
    case 'number':
    case 'datetime':
      return compared ?? filled;
    case 'boolean':
      return `${filled} = 'true'`;
    case 'date':
      return `TRY_CAST(${filled} AS DATE)`;
    case 'json':
    case 'list':
      return `TRY_CAST(${filled} AS JSON)`;
    default:
      return filled;
  }
}

/**
 * Statements that give a table to those who ask it by themselves: the newest row of each key under the dataset's name, and all of them under
 * that of its history. A view whose name is a dataset's own gives way to that.
 * @param datasets the names of all
 */
export function viewsSql({ inFile, dataset, columns }: Table, datasets: readonly string[]): string[] {
  const shown = columns.filter(({ name }) => isSystemColumn(name) || Object.hasOwn(dataset.columns, name));
  const selected = withoutTwins(shown).map((column) => `${typed(column, dataset)} AS ${quotedName(column.name)}`);
  const view = (name: string, where: string) =>
    `CREATE OR REPLACE VIEW ${quotedName(name)} AS SELECT ${selected.join(', ')} FROM ${inFile} WHERE ${where}`;
  const isFree = (name: string) => datasets.every((one) => one.toLowerCase() !== name.toLowerCase());
  const history = `${dataset.name}_history`;
  return [view(dataset.name, 'is_head AND NOT is_deleted'), ...(isFree(history) ? [view(history, 'true')] : [])];
}
