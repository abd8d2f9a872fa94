import { isMapping, type PersonalKind, parseJson, stringifyJson } from '@tributary/shared';
import { VALUE_TESTS } from './values.js';

/** The values of a column that were seen. */
export interface ColumnSample {
  /** Its name, or where it lies in a record: `customer.email`, `lines[].sku`. */
  readonly path: string;
  /** As text; empty ones are left out. */
  readonly values: string[];
}

/** Columns beyond these are counted and not kept: a source may invent names. */
export const MOST_COLUMNS = 500;
/** Values that are kept of a column, unless the sample is larger. */
const MOST_VALUES = 1_000;
/** Characters of a value that are kept: what is longer is text, and not one thing. */
const MOST_OF_VALUE = 4_000;
/** Characters that are kept of all columns. */
const MOST_OF_ALL = 100_000_000;
const DEEPEST = 8;

/** What records hold, by column, however deep it lies in them. */
export class Samples {
  readonly #columns = new Map<string, ColumnSample>();
  readonly #mostValues: number;
  #kept = 0;
  records = 0;
  /** Values that are not kept: their columns, or all values, are too many. */
  left = 0;

  /** @param rows how many records or rows are looked at */
  constructor(rows: number = MOST_VALUES) {
    this.#mostValues = Math.max(rows, MOST_VALUES);
  }

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

  /** null, '' and blanks name the column alone. */
  #value(path: string, value: unknown): void {
    const known = this.#columns.get(path);
    if (known === undefined && this.#columns.size >= MOST_COLUMNS) {
      this.left += 1;
      return;
    }
    const column = known ?? { path, values: [] };
    this.#columns.set(path, column);
    if (value === null || value === undefined || column.values.length >= this.#mostValues) return;
    const text = (typeof value === 'string' ? value : (stringifyJson(value) ?? '')).slice(0, MOST_OF_VALUE).trim();
    if (text === '') return;
    if (this.#kept + text.length > MOST_OF_ALL) {
      this.left += 1;
      return;
    }
    this.#kept += text.length;
    column.values.push(text);
  }

  #take(path: string, value: unknown, depth: number): void {
    if (Array.isArray(value) && depth < DEEPEST) {
      for (const one of value) this.#take(`${path}[]`, one, depth + 1);
    } else if (isMapping(value) && depth < DEEPEST) {
      const above = path === '' ? '' : `${path}.`;
      for (const [name, one] of Object.entries(value)) {
        // The name itself may mean a person, and is not shown.
        const isValue = isNoName(name) || (isMapping(one) && IS_NUMBER.test(name));
        if (isValue) this.#value(`${above}{names}`, name);
        this.#take(`${above}${isValue ? '*' : name}`, one, depth + 1);
      }
    } else this.#value(path, value);
  }
}

/** Records by their number: `{ "4711": { … } }`. */
const IS_NUMBER = /^(\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
/** Characters of what is still the name of a column. */
const LONGEST_NAME = 100;
const IN_NAMES = ['email', 'phone', 'iban', 'card', 'nationalId', 'ip'] as const satisfies readonly PersonalKind[];

/** Whether a source has put a value in the place of a name: `{ "anna@example.org": { … } }`. */
const isNoName = (name: string): boolean =>
  name.length > LONGEST_NAME || IN_NAMES.some((kind) => VALUE_TESTS[kind]?.fits(name) === true);

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
