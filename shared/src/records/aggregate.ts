import type { Field } from '../config/fields.js';
import { METRICS } from '../config/kinds/aggregate-metrics.js';
import type { FieldType } from '../config/kinds/field-types.js';
import type { AggregateConfig } from '../config/schema.js';

const fieldOf = (type: FieldType): Field => ({ type, optional: true, maxLength: Number.MAX_SAFE_INTEGER });

/** The columns of an aggregate: what rows are grouped by, the beginning of the window, the metrics. */
export function aggregateColumns(
  { by, window, metrics }: AggregateConfig,
  source: Readonly<Record<string, Field>>,
): Record<string, Field> {
  const columns: Record<string, Field> = {};
  for (const column of by) columns[column] = { ...(source[column] ?? fieldOf('string')), optional: true };
  if (window !== undefined) columns[window.every] = fieldOf(window.every === 'day' ? 'date' : 'datetime');
  for (const [name, { kind, column = '' }] of Object.entries(metrics))
    columns[name] = fieldOf(METRICS[kind].gives(source[column]?.type ?? 'integer'));
  return columns;
}
