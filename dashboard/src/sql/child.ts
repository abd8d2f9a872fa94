/**
 * The process in which one query runs; see process.ts, which starts it and ends it. It holds nothing but what the query may see, has no
 * environment, and never outlives its parent for long. It loads little, and of the engines the one that is asked: each query waits for that.
 */

import { boundedRows } from './bounded-rows.js';
import { checkColumns } from './columns-bound.js';
import { loadDuckDb } from './duckdb/load.js';
import { SqlError } from './port.js';
import type { Asked, EngineKind, PostgresPlace, SqlAnswer, SqlMessage, SqlTask } from './task.js';

// Ctrl-C in a terminal reaches every process of it. The parent ends first what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

const LOAD = {
  async duckdb() {
    await loadDuckDb('queries are asked');
    return await import('./duckdb/ask.js');
  },
  postgres: () => import('./postgres/ask.js'),
} satisfies Record<EngineKind, () => Promise<unknown>>;

async function ask(task: SqlTask): Promise<Asked> {
  const { engine } = task;
  if (engine.kind === 'duckdb') return await (await LOAD.duckdb()).askDuckDb(task, engine);
  return await (await LOAD.postgres()).askPostgres(task, engine satisfies PostgresPlace);
}

type Rows = Awaited<ReturnType<Asked['next']>>;

const answer = (message: SqlAnswer | 'ready'): void => void process.send?.(message);

function tell(error: unknown): void {
  if (error instanceof SqlError) {
    const { code, message, position } = error;
    answer({ wrong: { code, message, position } });
  } else answer({ broken: String(error).slice(0, 1_000) });
}

async function* piecesOf(asked: Asked, longest: number | undefined): AsyncGenerator<NonNullable<Rows>, undefined> {
  for (let rows = await asked.next(); rows !== undefined; rows = await asked.next()) yield* boundedRows(rows, longest);
}

let pieces: AsyncGenerator<NonNullable<Rows>, undefined> | undefined;
let written: number | undefined;

/** `start` is answered as soon as the engine is there; then comes the task, and `next` each time that more is asked for. */
async function answerTo(message: SqlMessage): Promise<SqlAnswer | 'ready'> {
  if (message !== 'next' && 'start' in message) {
    await LOAD[message.start]();
    return 'ready';
  }
  if (message !== 'next') {
    const asked = await ask(message);
    checkColumns(asked.columns);
    pieces = piecesOf(asked, message.longest);
    written = asked.written;
    return { columns: asked.columns };
  }
  const rows = (await pieces?.next())?.value;
  return rows === undefined ? { end: true, written } : { rows };
}

process.on('message', (message: SqlMessage) => {
  answerTo(message).then(answer, tell);
});
