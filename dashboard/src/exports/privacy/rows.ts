import { type ExportPrivacy, RetryableError } from '@tributary/shared';
import type { Cell, SqlColumn, SqlEngine, SqlQuestion, SqlResult, SqlType } from '../../sql/port.js';
import { quotedName } from '../../sql/quoted.js';
import { columnOf } from '../column-of.js';
import type { Manifest } from '../manifest.js';
import { type Quasi, quasiOf } from './levels.js';
import { asPart, type Choice, chooseNode, goodOf, groupOf } from './search.js';

/** Rows that tell of no single person, and what was done to them. */
export interface PrivateRows extends Pick<SqlResult, 'columns' | 'rows' | 'asOf'> {
  /** Known when the rows have ended. @throws RetryableError if more rows had to be left out than may be */
  told(): NonNullable<Manifest['privacy']>;
}

/**
 * Makes the columns of a query coarser, and leaves out what is still alone. The levels are found first. The rows are then asked for in one statement that
 * counts once more: whatever was written meanwhile, no row is given whose group is too small.
 * @throws FatalError if it cannot be had
 */
export async function privateRows(
  engine: SqlEngine,
  query: string,
  privacy: ExportPrivacy,
  question: SqlQuestion,
): Promise<PrivateRows> {
  const none = await engine.run(`SELECT * FROM (${asPart(query)}) AS tributary_rows LIMIT 0`, question);
  await drain(none);
  const quasi = quasiOf(privacy, none.columns);
  for (const name of [...privacy.sensitive, ...privacy.keep]) columnOf(name, none.columns, 'privacy');
  const choice = await chooseNode(query, privacy, quasi, async (sql) => await drain(await engine.run(sql, question)));
  const written = none.columns.filter(({ name }) => isWritten(name, privacy));
  const result = await engine.run(rowsQuery(query, privacy, quasi, choice, written), question);
  return counted(result, privacy, quasi, choice, written, none.columns);
}

const isWritten = (name: string, { quasi, sensitive, keep }: ExportPrivacy): boolean =>
  Object.hasOwn(quasi, name) || sensitive.includes(name) || keep.includes(name);

/** The rows of groups that are large enough; behind them all rows, those of the group, and its fewest different values. */
export function rowsQuery(
  query: string,
  privacy: ExportPrivacy,
  quasi: readonly Quasi[],
  { node }: Choice,
  written: readonly SqlColumn[],
): string {
  const levels = quasi.map(({ levels: own }, index) => `${own[node[index] ?? 0]?.sql} AS tributary_q${index}`);
  const keys = quasi.map((_, index) => `tributary_q${index}`);
  const shown = written.map(({ name, type }) => {
    const index = quasi.findIndex((one) => one.name === name);
    return `${shownOf(`r.${quotedName(name)}`, type, index, node[index] ?? 0)} AS ${quotedName(name)}`;
  });
  const distinct = privacy.sensitive.map((_, index) => `g.d${index}`);
  const fewest = distinct.length === 0 ? '0' : distinct.length === 1 ? distinct[0] : `least(${distinct.join(', ')})`;
  return `WITH tributary_rows AS (${asPart(query)}),
tributary_levels AS MATERIALIZED (SELECT ${[...written.map(({ name }) => quotedName(name)), ...levels].join(', ')} FROM tributary_rows),
tributary_groups AS (SELECT ${keys.join(', ')}, ${groupOf(privacy.sensitive.map(quotedName))} FROM tributary_levels GROUP BY ${keys.join(', ')})
SELECT ${shown.join(', ')}, (SELECT count(*) FROM tributary_levels) AS tributary_total, g.n AS tributary_n, ${fewest} AS tributary_d
FROM tributary_levels AS r JOIN tributary_groups AS g ON ${keys.map((key) => `r.${key} = g.${key}`).join(' AND ')}
WHERE ${goodOf(privacy)}`;
}

/** Nothing and an empty text are one value where rows are counted, so they must be one where they are read. */
function shownOf(column: string, type: SqlType, index: number, level: number): string {
  if (index < 0) return column;
  if (level > 0) return `nullif(r.tributary_q${index}, '')`;
  return type === 'string' ? `nullif(${column}, '')` : column;
}

function counted(
  { rows, columns, asOf }: SqlResult,
  privacy: ExportPrivacy,
  quasi: readonly Quasi[],
  choice: Choice,
  written: readonly SqlColumn[],
  all: readonly SqlColumn[],
): PrivateRows {
  let total = 0;
  let given = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let fewest = Number.POSITIVE_INFINITY;
  async function* own(): AsyncGenerator<readonly (readonly Cell[])[]> {
    for await (const batch of rows) {
      given += batch.length;
      for (const row of batch) {
        total = Number(row.at(-3));
        smallest = Math.min(smallest, Number(row.at(-2)));
        fewest = Math.min(fewest, Number(row.at(-1)));
      }
      yield batch.map((row) => row.slice(0, -3));
    }
  }
  return {
    columns: columns.slice(0, -3),
    asOf,
    rows: own(),
    told() {
      const suppressed = total - given;
      if (given === 0 || suppressed > privacy.suppressAtMost * total) {
        throw new RetryableError(
          'export_privacy',
          'rows were written while the levels were looked for, and now more would be left out than may be: export again',
        );
      }
      return {
        k: privacy.k,
        l: privacy.l ?? null,
        quasi: quasi.map(({ name, levels }, index) => {
          const level = choice.node[index] ?? 0;
          return { column: name, level, of: levels.length - 1, made: levels[level]?.words ?? '' };
        }),
        sensitive: privacy.sensitive,
        keep: privacy.keep,
        leftOut: all.map(({ name }) => name).filter((name) => !written.some((one) => one.name === name)),
        rows: total,
        suppressed,
        smallestGroup: smallest,
        fewestValues: privacy.sensitive.length === 0 ? null : fewest,
      };
    },
  };
}

async function drain({ rows }: SqlResult): Promise<(readonly Cell[])[]> {
  const all: (readonly Cell[])[] = [];
  for await (const batch of rows) all.push(...batch);
  return all;
}
