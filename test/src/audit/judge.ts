import type { Dataset } from '@tributary/shared';
import type { IsOvertaken } from './changes.js';
import { Histories, type Mark } from './history.js';
import type { Tally } from './report.js';
import type { Flaw, StoredRow, StoredRows } from './sinks/port.js';

export interface RowChecks {
  /** What is wrong with a row's own columns, if anything is. */
  readonly systemColumns?: (row: StoredRow) => string | undefined;
  /** Whether a row that repeats the one before it is no duplicate. */
  readonly isOvertaken?: IsOvertaken | undefined;
  readonly onRow?: (row: StoredRow, mark: Mark) => void;
  /** Called for each row that was ever written. */
  readonly onAnyRow?: (row: StoredRow) => void;
}

/** Reads every row of a dataset, and counts what is wrong with it by itself. */
export async function readHistories(
  sink: StoredRows,
  dataset: Dataset,
  tally: Tally,
  { systemColumns, isOvertaken, onRow, onAnyRow }: RowChecks,
): Promise<Histories> {
  const collect = async (rows: AsyncIterable<StoredRow | Flaw>, isState: boolean): Promise<Histories> => {
    const histories = new Histories(dataset);
    for await (const row of rows) {
      if ('flaw' in row) {
        tally.problem(row.flaw, () => row.what);
        continue;
      }
      const { mark, wrongHash } = histories.add(row);
      const fault = wrongHash ?? systemColumns?.(row);
      if (fault !== undefined) tally.problem('wrongHash', () => `${describe(row.key, mark)}: ${fault}`);
      if (isState) onRow?.(row, mark);
      onAnyRow?.(row);
    }
    return histories;
  };
  const state = await collect(sink.rows(dataset), true);
  const past = sink.past === undefined ? state : await collect(sink.past(dataset), false);
  for (const { key, again, repeats } of past.all()) {
    for (const mark of again)
      tally.problem(
        'duplicated',
        () => `${describe(key, mark)}: the same message, or the same versions of both sides, once more`,
      );
    for (const { before, mark } of repeats) {
      const repeat = { key, content: mark.content, versions: [before.version, mark.version] as const };
      if (isOvertaken?.(repeat)) tally.overtaken++;
      else tally.problem('duplicated', () => `${describe(key, mark)}: the content of ${describe(key, before)} again`);
    }
  }
  if (past !== state) comparePast(state, past, tally);
  return state;
}

/** The newest row of each key in the history is its state, and the other way round. */
function comparePast(state: Histories, past: Histories, tally: Tally): void {
  for (const { key, newest } of state.all()) {
    if (past.get(key)?.newest.content === newest.content) continue;
    tally.problem('missing', () => `${describe(key, newest)}: the newest row in the history is another, or none`);
  }
  for (const { key, newest } of past.all()) {
    if (state.get(key) === undefined)
      tally.problem('missing', () => `${describe(key, newest)}: only the history has it`);
  }
}

/** What the state of a dataset should be. */
export interface Expectations {
  keys(): Iterable<string>;
  /** The content of a key's newest row; undefined if there should be no live one. */
  content(key: string): string | undefined;
}

/** Whether the state of a key is not to be judged. */
export type IsLeftOut = (key: string, newest: Mark | undefined) => boolean;

/** Compares the state of a dataset with what it should be. */
export function judgeState(histories: Histories, tally: Tally, expected: Expectations, isLeftOut: IsLeftOut): void {
  for (const key of expected.keys()) {
    tally.count('expected');
    const newest = histories.get(key)?.newest;
    if ((newest !== undefined && !newest.deleted) || isLeftOut(key, newest)) continue;
    tally.problem('missing', () => (newest === undefined ? `${key} has no row` : `${describe(key, newest)} closes it`));
  }
  for (const { key, newest } of histories.all()) {
    if (newest.deleted) continue;
    tally.count('found');
    const content = expected.content(key);
    if (newest.content === content || isLeftOut(key, newest)) continue;
    const wants = content === undefined ? 'there should be no such row' : 'the API has other content';
    tally.problem('stale', () => `${describe(key, newest)}: ${wants}`);
  }
}

/** Compares the merged rows with the join of what the sink itself holds. */
export function judgeMerge(histories: Histories, tally: Tally, joined: Expectations, isLeftOut: IsLeftOut): void {
  for (const { key, newest } of histories.all()) {
    const content = joined.content(key);
    if (newest.deleted ? content === undefined : content === newest.content) continue;
    if (isLeftOut(key, newest)) continue;
    const gives = content === undefined ? 'no such row' : newest.deleted ? 'a row' : 'another row';
    tally.problem('wrongMerge', () => `${describe(key, newest)}: the newest rows of its two sides give ${gives}`);
  }
}

const describe = (key: string, { source, line, version, messageId }: Mark): string =>
  `${key} (${source}${line === 0 ? '' : ` line ${line}`}, version ${version}, message ${messageId})`;
