import type { Metric } from '../config/aggregate.js';
import type { Field } from '../config/fields.js';
import type { FieldType } from '../config/kinds/field-types.js';
import type { AggregateConfig } from '../config/schema.js';

const fieldOf = (type: FieldType): Field => ({ type, optional: true, maxLength: Number.MAX_SAFE_INTEGER });

/** The type of a metric's column, by that of the column that it is of. */
function typeOf({ kind }: Metric, of: FieldType = 'integer'): FieldType {
  switch (kind) {
    case 'count':
    case 'distinct':
      return 'integer';
    case 'average':
      return 'decimal';
    case 'sum':
      // A sum of integers may have more than 64 bits.
      return of === 'number' ? 'number' : 'decimal';
    case 'min':
    case 'max':
      return of;
  }
}

/** The columns of an aggregate: what rows are grouped by, the beginning of the window, the metrics. */
export function aggregateColumns(
  { by, window, metrics }: AggregateConfig,
  source: Readonly<Record<string, Field>>,
): Record<string, Field> {
  const columns: Record<string, Field> = {};
  for (const column of by) columns[column] = { ...(source[column] ?? fieldOf('string')), optional: true };
  if (window !== undefined) columns[window.every] = fieldOf(window.every === 'day' ? 'date' : 'datetime');
  for (const [name, metric] of Object.entries(metrics))
    columns[name] = fieldOf(typeOf(metric, source[metric.column ?? '']?.type));
  return columns;
}
