import { isGone, nameOfTable, quoted } from './catalog.js';
import type { FoundTable } from './followed.js';
import { type Cell, type Tuple, UNCHANGED } from './pgoutput.js';
import type { ReadRow } from './rows.js';
import type { Session, TextRow } from './session.js';

/** A row of an update that left large values as they were: Postgres does not send them, unless the table's replica identity is full. */
export interface LackingRow {
  readonly table: FoundTable;
  /** The names of its columns. */
  readonly columns: readonly string[];
  readonly cells: Tuple;
  readonly read: ReadRow;
}

/** Rows that are asked for together. */
const AT_ONCE = 500;

/**
 * Reads the values that the stream did not send from the table, as they are now. If one was changed after the update, the row holds it
 * earlier than it was written, until that change follows in the stream; it never holds an empty value instead.
 *
 * @returns by row, all its cells; a row that is not in the table any more is absent: its end, or its new key, follows in the stream
 */
export async function fillUnchanged(
  session: Session,
  rows: readonly LackingRow[],
): Promise<ReadonlyMap<LackingRow, TextRow>> {
  const filled = new Map<LackingRow, TextRow>();
  for (const group of groups(rows)) {
    for (let from = 0; from < group.length; from += AT_ONCE) {
      await fillGroup(session, group.slice(from, from + AT_ONCE), filled);
    }
  }
  return filled;
}

/** Rows of one table that lack the same columns. */
function groups(rows: readonly LackingRow[]): Iterable<readonly LackingRow[]> {
  const found = new Map<string, LackingRow[]>();
  for (const row of rows) {
    const name = JSON.stringify([row.table.facts.oid, row.columns, row.cells.map((cell) => cell === UNCHANGED)]);
    const group = found.get(name);
    if (group === undefined) found.set(name, [row]);
    else group.push(row);
  }
  return found.values();
}

async function fillGroup(
  session: Session,
  rows: readonly LackingRow[],
  filled: Map<LackingRow, TextRow>,
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const { table, columns, cells } = first;
  const places = table.key.map((name) => columns.indexOf(name));
  const lacking = columns.filter((_name, at) => cells[at] === UNCHANGED);
  const values: Cell[] = [];
  const conditions = rows.map((row) => {
    const equal = places.map((at, index) => {
      values.push(row.cells[at] ?? null);
      return `${quoted(table.key[index] ?? '')} = $${values.length}`;
    });
    return `(${equal.join(' AND ')})`;
  });
  const ask = (wanted: readonly string[]) => {
    const list = [...table.key.map(quoted), ...wanted].join(', ');
    return session.query(`SELECT ${list} FROM ${nameOfTable(table.facts)} WHERE ${conditions.join(' OR ')}`, values);
  };
  const answer = await ask(lacking.map(quoted)).catch(async (error: unknown) => {
    if (!isGone(error)) throw error;
    // A column, or the table, was dropped since: what it held is gone for good.
    const now = await columnsNow(session, table);
    return now === undefined ? [] : await ask(lacking.map((name) => (now.has(name) ? quoted(name) : 'NULL')));
  });
  const found = new Map<string, TextRow>();
  for (const row of answer) found.set(JSON.stringify(row.slice(0, table.key.length)), row.slice(table.key.length));
  for (const row of rows) {
    const now = found.get(JSON.stringify(places.map((at) => row.cells[at] ?? null)));
    if (now === undefined) continue;
    let next = 0;
    filled.set(
      row,
      row.cells.map((cell) => (cell === UNCHANGED ? (now[next++] ?? null) : cell)),
    );
  }
}

/** Undefined if there is no such table. */
async function columnsNow(session: Session, { facts }: FoundTable): Promise<ReadonlySet<string | null> | undefined> {
  const text = 'SELECT attname FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped';
  const names = await session.query(text, [facts.oid]);
  return names.length === 0 ? undefined : new Set(names.map(([name = null]) => name));
}
