import type { Cell, SqlColumn, SqlResult } from './port.js';
import type { SqlAnswer } from './task.js';

export interface ResultParts {
  readonly columns: readonly SqlColumn[];
  readonly asOf: string;
  readonly maxRows: number | undefined;
  next(): Promise<SqlAnswer>;
  /** Gives back all that the query holds. */
  end(): void;
  readonly signal: AbortSignal;
}

/** A result whose rows are fetched as they are read. What it holds is given back when they end, and when its reader goes. */
export function resultOf({
  columns,
  asOf,
  maxRows,
  next,
  end,
  signal,
}: ResultParts): SqlResult & { written(): number } {
  let isCut = false;
  let written = 0;
  signal.addEventListener('abort', end, { once: true });

  async function* rows(): AsyncGenerator<readonly (readonly Cell[])[]> {
    let left = maxRows ?? Number.POSITIVE_INFINITY;
    try {
      for (;;) {
        const answer = await next();
        if ('end' in answer) written = answer.written ?? 0;
        if (!('rows' in answer)) return;
        isCut = answer.rows.length > left;
        const taken = isCut ? answer.rows.slice(0, left) : answer.rows;
        left -= taken.length;
        if (taken.length > 0) yield taken;
        if (isCut) return;
      }
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  return { columns, asOf, rows: rows(), isCut: () => isCut, written: () => written };
}
