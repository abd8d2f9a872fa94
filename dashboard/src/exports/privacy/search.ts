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

/** Ways that one statement tries. */
const AT_ONCE = 24;

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
  const nodes = nodesOf(quasi);
  let rows = 0;
  for (let from = 0; from < nodes.length; from += AT_ONCE) {
    const tried = nodes.slice(from, from + AT_ONCE);
    const answered = await ask(countingQuery(query, privacy, quasi, tried));
    const suppressed = new Map(answered.map(([index, , left]) => [Number(index), Number(left)]));
    rows = Number(answered[0]?.[1] ?? 0);
    for (const [index, node] of tried.entries()) {
      const left = suppressed.get(index) ?? rows;
      if (rows > 0 && left < rows && left <= suppressAtMost * rows) return { node, rows, suppressed: left };
    }
  }
  if (rows === 0)
    throw new FatalError('export_privacy', 'there are no rows to export: with privacy, nothing is written then');
  const wanted = `k: ${k}${l === undefined ? '' : `, l: ${l}`}`;
  throw new FatalError(
    'export_privacy',
    `privacy cannot be had (${wanted}): of ${rows} rows more than suppressAtMost would be left out, however coarse the columns are; nothing was written`,
  );
}

/** For each of the ways: its number, all rows, and the rows in groups that are too small or too alike. */
function countingQuery(query: string, privacy: ExportPrivacy, quasi: readonly Quasi[], nodes: readonly Node[]): string {
  const { sensitive } = privacy;
  const levels = quasi.flatMap(({ levels: own }, column) =>
    own.map(({ sql }, level) => `${sql} AS ${nameOf(column, level)}`),
  );
  const others = sensitive.map((name, index) => `${quotedName(name)} AS s${index}`);
  const counts = nodes.map((node, index) => {
    const by = node.map((level, column) => nameOf(column, level)).join(', ');
    return `SELECT ${index} AS node, CAST(coalesce(sum(n), 0) AS bigint) AS total, CAST(coalesce(sum(CASE WHEN ${badOf(privacy)} THEN n ELSE 0 END), 0) AS bigint) AS bad FROM (SELECT ${groupOf(sensitive.map((_, at) => `s${at}`))} FROM tributary_levels GROUP BY ${by}) AS groups_${index}`;
  });
  return `WITH tributary_rows AS (${asPart(query)}), tributary_levels AS MATERIALIZED (SELECT ${[...levels, ...others].join(', ')} FROM tributary_rows)\n${counts.join('\nUNION ALL\n')}`;
}

const nameOf = (column: number, level: number): string => `q${column}_${level}`;

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
