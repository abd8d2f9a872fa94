import type { Logger } from '@tributary/shared';
import type { OnColumnFailed } from './calculated.js';

/** Counts the expressions of columns that fail, and logs the first failure of each: others of it may be as many as there are rows. */
export function tellFailures(
  log: Logger,
  metrics: { columnFailed(dataset: string, column: string): void },
): OnColumnFailed {
  const told = new Set<string>();
  return (dataset, column, reason) => {
    metrics.columnFailed(dataset, column);
    const name = `${dataset}.columns.${column}`;
    if (told.has(name)) return;
    told.add(name);
    log.warn(
      { expression: `merges.${name}`, reason },
      'the expression of a column cannot be evaluated for a row: the column is empty there. Others are counted (tributary_merge_expression_failures_total)',
    );
  };
}
