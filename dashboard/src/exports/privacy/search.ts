import { type ExportPrivacy, FatalError } from '@tributary/shared';
import type { Cell } from '../../sql/port.js';
import { quotedName } from '../../sql/quoted.js';
import type { Quasi } from './levels.js';

/** One way to make all columns coarser: the level of each, in their order. */
export type Node = readonly number[];

/** What was chosen, and what it costs. */
export interface Choice {
  readonly node: Node;
  readonly rows: number;
  readonly suppressed: number;
}

/** Asks one query, and gives all of its rows. */
export type Ask = (sql: string) => Promise<readonly (readonly Cell[])[]>;

/** Ways that one statement tries, at most. */
const AT_ONCE = 24;
/** Groups of all those ways together, at most: a statement keeps them all, and has little memory. */
const MOST_GROUPS = 8_000_000;

/**
 * All ways to make columns coarser, those first that lose the least: the sum of how far each column goes up its levels (Sweeney's precision), and
 * of equal ones those that leave the earlier columns finer.
 */
export function nodesOf(quasi: readonly Pick<Quasi, 'levels'>[]): Node[] {
  let nodes: Node[] = [[]];
  for (const { levels } of quasi) nodes = nodes.flatMap((node) => levels.map((_, level) => [...node, level]));
  const tops = quasi.map(({ levels }) => levels.length - 1);
  const lossOf = (node: Node) => node.reduce((sum, level, index) => sum + level / (tops[index] ?? 1), 0);
  const told = nodes.map((node) => ({ node, loss: Number(lossOf(node).toFixed(9)) }));
  return told.toSorted((a, b) => a.loss - b.loss || compared(a.node, b.node)).map(({ node }) => node);
}

function compared(a: Node, b: Node): number {
  const at = a.findIndex((level, index) => level !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/**
 * The way that loses the least and leaves out no more rows than may be: a full-domain search, since a level is one for all rows of a column.
 * @throws FatalError if there is none
 */
export async function chooseNode(
  query: string,
  privacy: ExportPrivacy,
  quasi: readonly Quasi[],
  ask: Ask,
): Promise<Choice> {
  const { k, l, suppressAtMost } = privacy;
  let rows = 0;
  const counted = new Map<string, number>();
  /** How many rows each of these ways leaves out; undefined for those that leave out too many. */
  const tryAll = async (tried: readonly Part[]): Promise<(number | undefined)[]> => {
    const answered = await ask(countingQuery(query, privacy, quasi, tried));
    rows = Number(answered[0]?.[1] ?? 0);
    const found = new Map(answered.map(([index, , groups, left]) => [Number(index), [Number(groups), Number(left)]]));
    return tried.map((part, at) => {
      const [groups = 0, left = 0] = found.get(at) ?? [];
      if (part.length === 1) counted.set(part.map(nameOf).join(), groups);
      return rows > 0 && left < rows && left <= suppressAtMost * rows ? left : undefined;
    });
  };
  /** The groups that they make, at most. */
  const groupsOf = (part: Part) =>
    Math.min(
      rows,
      part.reduce((product, one) => product * (counted.get(nameOf(one)) ?? 1), 1),
    );
  let nodes = nodesOf(quasi);
  const isOpen = (part: Part) => nodes.some((node) => holds(node, part));
  for (const parts of quasi.length === 1 ? [] : partsOf(quasi)) {
    for (let open = parts.filter(isOpen); open.length > 0; ) {
      const tried = atOnce(open, groupsOf);
      const left = await tryAll(tried);
      const hopeless = tried.filter((_, at) => left[at] === undefined);
      nodes = nodes.filter((node) => !hopeless.some((part) => holds(node, part)));
      open = open.slice(tried.length).filter(isOpen);
    }
  }
  let parts = nodes.map((node) => node.map((level, column) => ({ column, level })));
  while (parts.length > 0) {
    const tried = atOnce(parts, groupsOf);
    const left = await tryAll(tried);
    const best = left.findIndex((count) => count !== undefined);
    const part = tried[best];
    if (part !== undefined) return { node: part.map(({ level }) => level), rows, suppressed: left[best] ?? 0 };
    parts = parts.slice(tried.length);
  }
  if (rows === 0)
    throw new FatalError('export_privacy', 'there are no rows to export: with privacy, nothing is written then');
  const wanted = `k: ${k}${l === undefined ? '' : `, l: ${l}`}`;
  throw new FatalError(
    'export_privacy',
    `privacy cannot be had (${wanted}): of ${rows} rows more than suppressAtMost would be left out, however coarse the columns are; nothing was written`,
  );
}

/** A level of a column, both by their places. */
interface LevelOf {
  readonly column: number;
  readonly level: number;
}

/** Levels of some columns. */
type Part = readonly LevelOf[];

/** As many of the first ones as one statement can try. */
function atOnce(parts: readonly Part[], groupsOf: (part: Part) => number): Part[] {
  let groups = 0;
  const end = parts.findIndex((part, at) => {
    groups += groupsOf(part);
    return at === AT_ONCE || (at > 0 && groups > MOST_GROUPS);
  });
  return parts.slice(0, end < 0 ? parts.length : end);
}

const holds = (node: Node, part: Part): boolean => part.every(({ column, level }) => node[column] === level);

/**
 * Levels of each column alone, and then of each two. Where these alone would leave out too many rows, every way that has them would, since more columns
 * only make groups smaller (LeFevre's Incognito): few groups tell of most ways that they need not be tried.
 */
function partsOf(quasi: readonly Quasi[]): Part[][] {
  const alone = quasi.map(({ levels }, column) => levels.slice(0, -1).map((_, level) => [{ column, level }]));
  const pairs = alone.flatMap((one, at) =>
    alone.slice(at + 1).map((other) => one.flatMap((first) => other.map((second) => [...first, ...second]))),
  );
  return quasi.length > 2 ? [...alone, ...pairs] : alone;
}

/** For each part: its number, all rows, its groups, and the rows in groups that are too small or too alike. The rows are counted once, by all of the levels. */
function countingQuery(query: string, privacy: ExportPrivacy, quasi: readonly Quasi[], parts: readonly Part[]): string {
  const { sensitive } = privacy;
  const levels = new Map(parts.flat().map((one) => [nameOf(one), quasi[one.column]?.levels[one.level]?.sql ?? "''"]));
  const shown = [
    ...[...levels].map(([name, sql]) => `${sql} AS ${name}`),
    ...sensitive.map((name, index) => `nullif(CAST(${quotedName(name)} AS text), '') AS s${index}`),
  ];
  const distinct = sensitive.map((_, index) => `count(DISTINCT s${index}) AS d${index}`);
  const counts = parts.map((part, index) => {
    const by = part.map(nameOf).join(', ');
    return `SELECT ${index} AS node, CAST(coalesce(sum(n), 0) AS bigint) AS total, count(*) AS groups, CAST(coalesce(sum(CASE WHEN ${badOf(privacy)} THEN n ELSE 0 END), 0) AS bigint) AS bad FROM (SELECT ${['sum(c) AS n', ...distinct].join(', ')} FROM tributary_levels GROUP BY ${by}) AS groups_${index}`;
  });
  return `WITH tributary_rows AS (${asPart(query)}), tributary_levels AS MATERIALIZED (SELECT ${shown.join(', ')}, count(*) AS c FROM tributary_rows GROUP BY ${shown.map((_, at) => at + 1).join(', ')})\n${counts.join('\nUNION ALL\n')}`;
}

const nameOf = ({ column, level }: LevelOf): string => `q${column}_${level}`;

/** What is known of a group: its rows `n`, and how many different values each sensitive column has, `d0`, `d1`. Nothing is no value. */
export const groupOf = (sensitive: readonly string[]): string =>
  [
    'count(*) AS n',
    ...sensitive.map((column, index) => `count(DISTINCT nullif(CAST(${column} AS text), '')) AS d${index}`),
  ].join(', ');

/** Whether a group must be left out. */
const badOf = ({ k, l, sensitive }: ExportPrivacy): string =>
  [`n < ${k}`, ...sensitive.map((_, index) => `d${index} < ${l ?? 1}`)].join(' OR ');

export const goodOf = (privacy: ExportPrivacy): string => `NOT (${badOf(privacy)})`;

/** A query within another one: it may end with a comment or a semicolon. */
export const asPart = (query: string): string => `${query.trim().replace(/;\s*$/, '')}\n`;
