import { datasetsOf, type ExportConfig, type Filter, type PipelineConfig } from '@tributary/shared';
import { quoted, quotedName } from '../sql/quoted.js';

/** How a filter is said in SQL, of DuckDB and of Postgres: both take a text for a value of the column's type. */
const SAID = {
  is: (column, value) => `${column} = ${value}`,
  not: (column, value) => `${column} IS DISTINCT FROM ${value}`,
  contains: (column, value) => `position(lower(${value}) IN lower(CAST(${column} AS text))) > 0`,
  above: (column, value) => `${column} > ${value}`,
  below: (column, value) => `${column} < ${value}`,
  from: (column, value) => `${column} >= ${value}`,
  to: (column, value) => `${column} <= ${value}`,
} as const satisfies Readonly<Record<Filter, (column: string, value: string) => string>>;

/** What an export asks: its query, or one that is made of its dataset, columns and filters. */
export function queryOf(config: PipelineConfig, settings: ExportConfig): string {
  if (settings.query !== undefined) return settings.query;
  const { dataset = '', view, where } = settings;
  const fields = datasetsOf(config).find(({ name }) => name === dataset)?.columns ?? {};
  const columns = settings.columns ?? Object.keys(fields);
  const conditions = Object.entries(where).flatMap(([name, { filled, ...compared }]) => {
    const type = fields[name]?.type;
    const text = `CAST(${quotedName(name)} AS text)`;
    const column = type === 'json' || type === 'list' ? text : quotedName(name);
    const isFilled = `coalesce(${text}, '') <> ''`;
    return [
      ...(filled === undefined ? [] : [filled ? isFilled : `NOT (${isFilled})`]),
      ...Object.entries(compared).flatMap(([filter, value]) =>
        value === undefined ? [] : [SAID[filter as Filter](column, quoted(value))],
      ),
    ];
  });
  const from = quotedName(view === 'history' ? `${dataset}_history` : dataset);
  const all = `SELECT ${columns.map(quotedName).join(', ')} FROM ${from}`;
  return conditions.length === 0 ? all : `${all} WHERE ${conditions.join(' AND ')}`;
}
