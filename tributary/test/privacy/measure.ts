import type { PersonalKind } from '@tributary/shared';
import { judgeColumn } from '../../src/privacy/judge.js';
import { Samples } from '../../src/privacy/samples.js';
import { COLUMNS, type Truth } from './headers.js';
import type { MadeTable } from './make.js';

/** Of columns: those that are rightly found, those that are found and hold something else or nothing, and those that are missed. */
export interface Counted {
  found: number;
  wrong: number;
  missed: number;
}

export interface Measured {
  /** Whether a column holds anything of people. */
  readonly any: Counted;
  readonly byKind: ReadonlyMap<PersonalKind, Counted>;
  /** What was wrong or missed, with how often. */
  readonly mistakes: ReadonlyMap<string, number>;
}

export function measured(tables: readonly MadeTable[]): Measured {
  const any = none();
  const byKind = new Map<PersonalKind, Counted>();
  const mistakes = new Map<string, number>();
  const of = (kind: PersonalKind) => {
    const counted = byKind.get(kind) ?? none();
    byKind.set(kind, counted);
    return counted;
  };
  for (const { columns, records } of tables) {
    const samples = new Samples();
    for (const record of records) samples.add(record);
    for (const { path, values } of samples.columns) {
      const column = columns[path];
      if (column === undefined) continue;
      const { kind }: Truth = COLUMNS[column];
      const judged = judgeColumn(path, values)?.kind;
      if (kind !== undefined) any[judged === undefined ? 'missed' : 'found'] += 1;
      else if (judged !== undefined) any.wrong += 1;
      if (judged === kind) {
        if (kind !== undefined) of(kind).found += 1;
        continue;
      }
      if (kind !== undefined) of(kind).missed += 1;
      if (judged !== undefined) of(judged).wrong += 1;
      const mistake = `${column} (${path}) as ${judged ?? 'nothing'}`;
      mistakes.set(mistake, (mistakes.get(mistake) ?? 0) + 1);
    }
  }
  return { any, byKind, mistakes };
}

const none = (): Counted => ({ found: 0, wrong: 0, missed: 0 });

export const precisionOf = ({ found, wrong }: Counted): number => (found + wrong === 0 ? 1 : found / (found + wrong));
export const recallOf = ({ found, missed }: Counted): number => (found + missed === 0 ? 1 : found / (found + missed));
