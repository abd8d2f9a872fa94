import type { Dataset } from '@tributary/shared';
import { inTurns } from '../sinks/in-turns.js';
import { newestOf } from '../sinks/newest.js';
import type { Sink } from '../sinks/port.js';
import type { Values } from './groups.js';

/**
 * The newest row of each key that is not closed, as far as the columns are concerned; each key once. A sink that keeps only the newest gives
 * them one by one. From others, all rows are read, and of each key the newest is held in memory.
 */
export async function* newestRows(
  sink: Pick<Sink, 'scan' | 'newest'>,
  dataset: Dataset,
  columns: readonly string[],
): AsyncGenerator<Values> {
  if (sink.newest !== undefined) {
    for await (const { values } of inTurns(sink.newest(dataset))) yield pick(values, columns);
    return;
  }
  const newest = await newestOf(inTurns(sink.scan(dataset)), dataset, (row, order) => ({
    order,
    values: row.deleted ? null : pick(row.values, columns),
  }));
  for await (const { values } of inTurns(newest.values())) if (values !== null) yield values;
}

const pick = (values: Values, columns: readonly string[]): Values => {
  const picked: Record<string, unknown> = {};
  for (const column of columns) if (Object.hasOwn(values, column)) picked[column] = values[column];
  return picked;
};
