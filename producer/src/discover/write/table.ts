import { isMapping, printable, stringifyJson } from '@tributary/shared';

/** A column of a table that a terminal shows. */
export interface Shown {
  readonly name: string;
  readonly type: string;
}

const LEAST = 6;
const MOST = 28;
const GAP = '  ';

/**
 * Rows as a table: the columns with their types, and how full they are. It fits the width: columns that have no room are named below it.
 *
 * @param rows records in canonical form; how full a column is is counted over all of them
 * @param limit how many are shown
 */
export function tableOf(columns: readonly Shown[], rows: readonly unknown[], width: number, limit: number): string {
  const cells = rows
    .slice(0, limit)
    .map((row) => columns.map(({ name }) => cellOf(isMapping(row) ? row[name] : undefined)));
  const heads = columns.map(({ name, type }) => [name, type, fullness(name, rows)]);
  const widths = columns.map((_, index) => {
    const texts = [...(heads[index] ?? []), ...cells.map((row) => row[index] ?? '')];
    return Math.min(Math.max(LEAST, ...texts.map(widthOf)), MOST);
  });
  const shown = fittingOf(widths, width);
  const line = (texts: readonly string[]) =>
    texts
      .slice(0, shown)
      .map((text, index) => fit(text, widths[index] ?? LEAST))
      .join(GAP)
      .trimEnd();
  const rule = widths
    .slice(0, shown)
    .map((one) => '─'.repeat(one))
    .join(GAP);
  const head = [0, 1, 2].map((row) => line(heads.map((texts) => texts[row] ?? '')));
  const rest = columns.slice(shown).map(({ name }) => name);
  const more = rest.length === 0 ? [] : wrapped(`and ${rest.length} more: ${rest.join(', ')}`, width);
  return [...head, rule, ...cells.map(line), ...more].join('\n');
}

/** How many columns have room beside each other; at least one. */
function fittingOf(widths: readonly number[], width: number): number {
  let used = -GAP.length;
  for (const [index, one] of widths.entries()) {
    used += one + GAP.length;
    if (used > width) return Math.max(index, 1);
  }
  return widths.length;
}

export function fullness(name: string, rows: readonly unknown[]): string {
  const filled = rows.filter(
    (row) => isMapping(row) && row[name] !== undefined && row[name] !== null && row[name] !== '',
  ).length;
  return rows.length === 0 ? '' : `${Math.round((100 * filled) / rows.length)} %`;
}

export function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'object' ? (stringifyJson(value) ?? '') : String(value);
  return printable(text).replaceAll(/\s+/g, ' ');
}

/** East Asian characters and emoji take two places. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
const widthOf = (text: string): number => [...text].reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);

function fit(text: string, width: number): string {
  const own = widthOf(text);
  if (own <= width) return text + ' '.repeat(width - own);
  let cut = '';
  for (const character of text) {
    if (widthOf(cut + character) > width - 1) break;
    cut += character;
  }
  return `${cut}…`.padEnd(width);
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
