import { type Dataset, datasetsOf, type FieldType, type PipelineConfig } from '@tributary/shared';
import { badRequest } from '../http/api-error.js';
import type { Condition } from './readers/port.js';
import { WANTED } from './values.js';

const SYSTEM: Readonly<Record<string, FieldType>> = { _deleted: 'boolean', _written_at: 'datetime' };

/** They compare text, or nothing. */
const OF_ANY_TYPE: ReadonlySet<string> = new Set(['contains', 'empty', 'filled']);

/**
 * Filters as the readers take them, of either sink: a value that is not of its column's type is refused in words, for one
 * database would say so in its own, and another would find nothing.
 *
 * @throws ApiError (400) naming the first filter that is wrong
 */
export function checkConditions(
  config: PipelineConfig,
  name: string,
  where: readonly Condition[],
): readonly Condition[] {
  const dataset = datasetsOf(config).find((one) => one.name === name);
  return where.map((condition) => {
    const { column, is, value } = condition;
    const type = typeOf(dataset, column);
    // A column that only old files have, or none: the reader knows.
    if (type === undefined || OF_ANY_TYPE.has(is)) return condition;
    const read = WANTED[type].read(value);
    if (read !== undefined) return { ...condition, value: read };
    const shown = `${column}:${is}:${value}`.slice(0, 120);
    throw badRequest(`where is "${shown}": ${column} is compared with ${WANTED[type].words}`);
  });
}

function typeOf(dataset: Dataset | undefined, column: string): FieldType | undefined {
  if (dataset !== undefined && Object.hasOwn(dataset.columns, column)) return dataset.columns[column]?.type;
  return Object.hasOwn(SYSTEM, column) ? SYSTEM[column] : undefined;
}
