import { type ExportPrivacy, FatalError, Hierarchies, levelFault, type PrivacyLevel } from '@tributary/shared';
import type { SqlColumn, SqlType } from '../../sql/port.js';
import { quoted, quotedName } from '../../sql/quoted.js';
import { columnOf } from '../column-of.js';

/** A level of a column, ready to be asked for. */
export interface Level {
  /** For people: `as it is`, `year`, `first 2`, `all alike`. */
  readonly words: string;
  /** The value of a row as text; '' for none. Of DuckDB and of Postgres. */
  readonly sql: string;
}

/** A column by which somebody may be known. */
export interface Quasi {
  readonly name: string;
  readonly type: SqlType;
  /** The finest first; the last one makes all alike. */
  readonly levels: readonly Level[];
}

/**
 * The columns and their levels.
 * @param columns what the export's query gives
 * @throws FatalError for a column that is not there, and for a level that is not for its type
 */
export function quasiOf({ quasi }: ExportPrivacy, columns: readonly SqlColumn[]): Quasi[] {
  const hierarchies = new Hierarchies();
  return Object.entries(quasi).map(([name, levels]) => {
    const { type } = columnOf(name, columns, 'privacy');
    const text = `CAST(${quotedName(name)} AS text)`;
    const made = levels.map(
      (level): Level => ({
        words: wordsOf(level),
        sql: orNothing(text, sqlOf(level, { name, type, text }, hierarchies)),
      }),
    );
    return {
      name,
      type,
      levels: [{ words: 'as it is', sql: `coalesce(${text}, '')` }, ...made, { words: 'all alike', sql: "'*'" }],
    };
  });
}

/** No value is made coarser to one, and stays none. */
const orNothing = (text: string, sql: string): string => `CASE WHEN coalesce(${text}, '') = '' THEN '' ELSE ${sql} END`;

/** From here on a double does not tell buckets apart, and then a bigint cannot hold them; not a number is beyond it too. */
const LARGEST = '1e15';
const CHARACTERS = { year: 4, month: 7, decade: 3 } as const;

interface Column {
  readonly name: string;
  readonly type: SqlType;
  /** Its value as text, in SQL. */
  readonly text: string;
}

function sqlOf(level: PrivacyLevel, { name, type, text }: Column, hierarchies: Hierarchies): string {
  const wrong = levelFault(level, type);
  if (wrong !== undefined) throw new FatalError('export_privacy', `privacy.quasi.${name}: ${wrong}`);
  const { to, bucket, first, groups, hierarchy } = level;
  if (to !== undefined) {
    const made = `substr(${text}, 1, ${CHARACTERS[to]})${to === 'decade' ? " || '0s'" : ''}`;
    // The first characters of a text that is no date are no year: they may be all that was to be hidden.
    return `CASE WHEN translate(substr(${text}, 1, 4), '0123456789', '') = '' AND substr(${text}, 5, 1) = '-' THEN ${made} ELSE '*' END`;
  }
  if (bucket !== undefined) {
    const number = `CAST(${quotedName(name)} AS double precision)`;
    const from = `CAST(floor(${number} / ${bucket}) * ${bucket} AS bigint)`;
    return `CASE WHEN abs(${number}) < ${LARGEST} THEN CAST(${from} AS text) || '-' || CAST(${from} + ${bucket} AS text) ELSE '*' END`;
  }
  // More characters than there are would show all of them.
  if (first !== undefined) return `substr(${text}, 1, CAST(least(${first}, length(${text}) - 1) AS integer)) || '***'`;
  const named =
    hierarchy === undefined ? Object.entries(groups ?? {}) : groupsOf(hierarchies, hierarchy, level.level ?? 1, name);
  const cases = named.map(
    ([group, values]) => `WHEN ${text} IN (${values.map(quoted).join(', ')}) THEN ${quoted(group)}`,
  );
  return `CASE ${cases.join(' ')} ELSE '*' END`;
}

/** Values of a hierarchy that the statements of an export may hold. */
const MOST_VALUES = 20_000;

/** The values of each group of a level. */
function groupsOf(hierarchies: Hierarchies, path: string, level: number, column: string): [string, string[]][] {
  const refused = (why: string) => new FatalError('export_privacy', `privacy.quasi.${column}: ${why}`);
  const { levels, at } = hierarchies.of(path);
  if (level > levels) throw refused(`${path} has ${levels} levels, and no level ${level}`);
  const steps = at(level);
  if (steps.size > MOST_VALUES)
    throw refused(`${path} has ${steps.size} values: expected ${MOST_VALUES} at most for an export`);
  const groups = new Map<string, string[]>();
  for (const [value, step] of steps) {
    const values = groups.get(step);
    if (values === undefined) groups.set(step, [value]);
    else values.push(value);
  }
  return [...groups];
}

function wordsOf({ to, bucket, first, groups, hierarchy, level }: PrivacyLevel): string {
  if (hierarchy !== undefined) return `level ${level} of ${hierarchy}`;
  if (to !== undefined) return to;
  if (bucket !== undefined) return `buckets of ${bucket}`;
  if (first !== undefined) return `first ${first}`;
  return `groups ${Object.keys(groups ?? {}).join(', ')}`;
}
