import { instantAt, readInstant, readUnix } from '@tributary/shared';
import type { Guess } from '../guess.js';
import type { Column } from './column.js';

const CHANGED = /updated|modified|changed|edited|last_?mod|mtime|revised|touched|systemmodstamp|lastupdate|modstamp/i;
const COUNTED = /^(_?version|revision|rev|row_?version|seq|sequence|etag_no|_seq_no|change_?number)$/i;
const CREATED =
  /created|inserted|added|published|posted|placed|occurred|logged|registered|issued|pubdate|sent|date$|time|timestamp|^dt$|^ts$|^at$/i;

/** The column that grows with each change of a record, and whether it does so only when a record is new. */
export interface Version {
  readonly column: Column;
  /** It tells of new records, and not of changed ones. */
  readonly isOfCreation: boolean;
}

/**
 * @param key the columns of the key, which do not change
 * @param named what a parameter of the request that asks for changes is called, if there is one: it tells which column it goes by
 */
export function versionOf(
  columns: readonly Column[],
  records: number,
  key: readonly Column[],
  named?: string,
): Guess<Version> | undefined {
  const usable = columns.filter(
    (column) =>
      column.filled === records &&
      (column.type === 'datetime' || (column.type === 'integer' && COUNTED.test(leafOf(column)))),
  );
  const rated = usable
    .filter((column) => !key.includes(column))
    .map((column) => ({ column, score: scoreOf(column, usable, named) }));
  const best = rated.filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score)[0];
  if (best === undefined) return undefined;
  const { column } = best;
  const isOfChange = CHANGED.test(leafOf(column)) || COUNTED.test(leafOf(column));
  if (isOfChange)
    return {
      value: { column, isOfCreation: false },
      reason: 'called like a time of change, and there in all records',
      isSure: column.steps.length <= 2,
    };
  return {
    value: { column, isOfCreation: true },
    reason: 'no column is called like a time of change; this one tells of new records only',
    isSure: false,
  };
}

const leafOf = ({ steps }: Column): string => String(steps.at(-1));
const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, '');

function scoreOf(column: Column, others: readonly Column[], named: string | undefined): number {
  const leaf = leafOf(column);
  const base = CHANGED.test(leaf) ? 100 : COUNTED.test(leaf) ? 70 : CREATED.test(leaf) ? 40 : 20;
  // The last of all times of a record is the one that a change moves. Later in the record is what came later.
  const latest = others.every((other) => other === column || isNeverBefore(column, other)) ? 15 : 0;
  const isNamed = named !== undefined && plain(leaf).length > 3 && plain(named).includes(plain(leaf)) ? 120 : 0;
  return base + latest + isNamed + others.indexOf(column) * 0.1 - (column.steps.length - 1) * 3;
}

function isNeverBefore(one: Column, other: Column): boolean {
  return one.values.every((value, index) => {
    const [mine, its] = [momentOf(value, one), momentOf(other.values[index], other)];
    return mine === undefined || its === undefined || mine >= its;
  });
}

/** A time in its canonical form, so that the later one is the greater. */
export function momentOf(value: unknown, { unit, type }: Pick<Column, 'unit' | 'type'>): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (type !== 'datetime') return String(value).padStart(20, '0');
  const instant =
    unit === undefined
      ? readInstant(String(value).trim())
      : (readUnix(String(value), unit) ?? instantAt(Number(value), ''));
  return instant;
}
