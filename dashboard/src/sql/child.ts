/**
 * The process in which one query runs; see process.ts, which starts it and ends it. It holds nothing but what the query may see, has no
 * environment, and never outlives its parent for long. It loads little: each query waits for that.
 */

import { checkColumns } from './columns-bound.js';
import { askDuckDb } from './duckdb/ask.js';
import { SqlError } from './port.js';
import { askPostgres } from './postgres/ask.js';
import type { Asked, PostgresPlace, SqlAnswer, SqlTask } from './task.js';

// Ctrl-C in a terminal reaches every process of it. The parent ends first what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

const ask = (task: SqlTask): Promise<Asked> => {
  const { engine } = task;
  return engine.kind === 'duckdb' ? askDuckDb(task, engine) : askPostgres(task, engine satisfies PostgresPlace);
};

const answer = (message: SqlAnswer): void => void process.send?.(message);

function tell(error: unknown): void {
  if (error instanceof SqlError) {
    const { code, message, position } = error;
    answer({ wrong: { code, message, position } });
  } else answer({ broken: String(error).slice(0, 1_000) });
}

process.send?.('ready');
process.once('message', async (task: SqlTask) => {
  try {
    const asked = await ask(task);
    process.on('message', async () => {
      try {
        const rows = await asked.next();
        answer(rows === undefined ? { end: true, written: asked.written } : { rows });
      } catch (error) {
        tell(error);
      }
    });
    checkColumns(asked.columns);
    answer({ columns: asked.columns });
  } catch (error) {
    tell(error);
  }
});
