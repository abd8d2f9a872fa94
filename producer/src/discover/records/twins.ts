import type { Column } from './column.js';

/** One value never makes two columns: of two that are the same text wherever both are, the one that lies higher stays. */
export function withoutTwins(columns: readonly Column[]): Column[] {
  const rank = ({ steps, path }: Column) => (/\b(id|guid|uuid)\b/i.test(path) ? 0 : steps.length);
  const ordered = columns.toSorted((a, b) => rank(a) - rank(b));
  const dropped = new Set<Column>();
  for (const [index, column] of ordered.entries()) {
    if (dropped.has(column)) continue;
    for (const other of ordered.slice(index + 1))
      if (!dropped.has(other) && areTwins(column, other)) dropped.add(other);
  }
  return columns.filter((column) => !dropped.has(column));
}

function areTwins(one: Column, other: Column): boolean {
  if (one.type !== other.type || other.steps.length === 1 || other.filled < 3) return false;
  if (one.type === 'datetime' && !haveSameWord(one, other)) return false;
  // Most differ in one of the first records, so that this ends soon.
  const different = new Set<string>();
  for (const [index, value] of other.values.entries()) {
    if (value === undefined) continue;
    const text = String(value);
    // Small numbers and few different texts agree by chance.
    if (text.length < 6 || /^-?\d{1,5}(\.\d+)?$/.test(text) || String(one.values[index]) !== text) return false;
    different.add(text);
  }
  return different.size >= 3;
}

const stemOf = ({ steps }: Column) =>
  String(steps.at(-1))
    .toLowerCase()
    .replaceAll(/[^a-z]|at$|date$|time$/g, '');
const haveSameWord = (one: Column, other: Column): boolean => stemOf(one).slice(0, 6) === stemOf(other).slice(0, 6);
