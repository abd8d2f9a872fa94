import { isMapping, parseJson, stringifyJson } from '@tributary/shared';

/** The values of a column that were seen. */
export interface ColumnSample {
  /** Its name, or where it lies in a record: `customer.email`, `lines[].sku`. */
  readonly path: string;
  /** As text; empty ones are left out. */
  readonly values: string[];
}

/** Columns beyond these are counted and not kept: a source may invent names. */
const MOST_COLUMNS = 500;
const MOST_VALUES = 1_000;
const DEEPEST = 8;

/** What records hold, by column, however deep it lies in them. */
export class Samples {
  readonly #columns = new Map<string, ColumnSample>();
  records = 0;
  /** Columns that are not kept. */
  left = 0;

  get columns(): readonly ColumnSample[] {
    return [...this.#columns.values()];
  }

  add(record: unknown): void {
    this.records += 1;
    this.#take('', record, 0);
  }

  /** A cell of a row; JSON is taken apart. */
  cell(column: string, cell: unknown): void {
    const parsed = typeof cell === 'string' && /^[[{]/.test(cell) ? parsedOr(cell) : cell;
    this.#take(column, parsed, 0);
  }

  /** null and '' name the column alone. */
  #value(path: string, value: unknown): void {
    const known = this.#columns.get(path);
    if (known === undefined && this.#columns.size >= MOST_COLUMNS) {
      this.left += 1;
      return;
    }
    const column = known ?? { path, values: [] };
    this.#columns.set(path, column);
    if (value === null || value === undefined || value === '' || column.values.length >= MOST_VALUES) return;
    column.values.push(typeof value === 'string' ? value : (stringifyJson(value) ?? ''));
  }

  #take(path: string, value: unknown, depth: number): void {
    if (Array.isArray(value) && depth < DEEPEST) {
      for (const one of value) this.#take(`${path}[]`, one, depth + 1);
    } else if (isMapping(value) && depth < DEEPEST) {
      for (const [name, one] of Object.entries(value))
        this.#take(path === '' ? name : `${path}.${name}`, one, depth + 1);
    } else this.#value(path, value);
  }
}

function parsedOr(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** Letters and digits taken away, the form left: `Xxx.Xxxx@xxxxxxx.xxx`, `+99 999 9999`. */
export const maskedExample = (text: string): string =>
  text
    .slice(0, 40)
    .replaceAll(/\p{Lu}/gu, 'X')
    .replaceAll(/[\p{L}\p{M}]/gu, (letter) => (letter === 'X' ? 'X' : 'x'))
    .replaceAll(/\p{N}/gu, '9')
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ') + (text.length > 40 ? '…' : '');
