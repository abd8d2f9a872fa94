import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '@tributary/shared';
import type { Sink } from '../sinks/port.js';
import type { Values } from './groups.js';

/** Rows after which others get their turn: nothing may keep a lease from being renewed. */
const AT_A_TIME = 2_000;

/** What is known of a key: its newest row; null if that is a tombstone. */
interface Newest {
  readonly order: string;
  readonly values: Values | null;
}

/**
 * The newest row of each key that is not closed, as far as the columns are concerned; each key once. A sink that keeps only the newest gives
 * them one by one. From others, all rows are read, and of each key the newest is held in memory.
 */
export async function* newestRows(
  sink: Pick<Sink, 'scan' | 'newest'>,
  dataset: Dataset,
  columns: readonly string[],
): AsyncGenerator<Values> {
  let count = 0;
  const pause = async () => {
    if (++count % AT_A_TIME === 0) await setImmediate();
  };
  if (sink.newest !== undefined) {
    for await (const { values } of sink.newest(dataset)) {
      yield pick(values, columns);
      await pause();
    }
    return;
  }
  const newest = new Map<string, Newest>();
  for await (const row of sink.scan(dataset)) {
    await pause();
    const order = dataset.orderOf(row.version, row.messageId);
    const known = newest.get(row.key);
    // The values are decoded when they are read: those of older rows never are.
    if (known === undefined || known.order < order)
      newest.set(row.key, { order, values: row.deleted ? null : pick(row.values, columns) });
  }
  for (const { values } of newest.values()) {
    if (values !== null) yield values;
    await pause();
  }
}

const pick = (values: Values, columns: readonly string[]): Values => {
  const picked: Record<string, unknown> = {};
  for (const column of columns) if (Object.hasOwn(values, column)) picked[column] = values[column];
  return picked;
};
