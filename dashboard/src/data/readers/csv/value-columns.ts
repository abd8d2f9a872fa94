import { NumberColumn } from './number-column.js';

/** A column with more different values than this is no facet, and its values are not kept. */
const MOST_VALUES = 1_000;
/** Longer values are of no use in a facet. */
const LONGEST_VALUE = 200;

/** One column with few different values: each row's, as a number of two bytes. */
export class ValueColumn {
  /** The cells as they stand in the parts, by code; the first is the empty one. */
  readonly cells: string[] = [''];
  readonly #codes = new Map<string, number>([['', 0]]);
  readonly #rows = new NumberColumn((length) => new Uint16Array(length));

  /** @returns false if there are too many different values now */
  add(row: number, cell: string): boolean {
    let code = this.#codes.get(cell);
    if (code === undefined) {
      if (this.cells.length > MOST_VALUES || cell.length > LONGEST_VALUE) return false;
      // A cell is a slice of its line, and would keep it.
      const own = Buffer.from(cell).toString();
      code = this.cells.push(own) - 1;
      this.#codes.set(own, code);
    }
    // A column that came with a later part has nothing in the rows before.
    while (this.#rows.length < row) this.#rows.push(0);
    this.#rows.push(code);
    return true;
  }

  code(row: number): number {
    return this.#rows.at(row);
  }
}

/** Reads a cell as a number (a time as milliseconds); NaN for nothing. */
export type ReadNumber = (cell: string) => number;

/**
 * What filters, sorting and facets need without reading a part, filled as rows come: of columns with few different values
 * each row's value in two bytes, of other columns with numbers and times each row's number in eight.
 */
export class ValueColumns {
  readonly #numeric: (column: string) => ReadNumber | undefined;
  readonly #columns = new Map<string, ValueColumn>();
  readonly #numbers = new Map<string, { readonly values: NumberColumn; readonly read: ReadNumber }>();
  /** Columns with many texts, of which nothing is kept. */
  readonly #given = new Set<string>();

  /** @param numeric how a column's cells are read as numbers; undefined for a column of texts */
  constructor(numeric: (column: string) => ReadNumber | undefined) {
    this.#numeric = numeric;
  }

  /** @param cells of one row, under these columns */
  add(row: number, columns: readonly string[], cells: readonly string[]): void {
    for (const [index, name] of columns.entries()) {
      if (this.#given.has(name)) continue;
      const cell = cells[index] ?? '';
      const numbers = this.#numbers.get(name);
      if (numbers === undefined) this.#addValue(row, name, cell);
      else push(numbers.values, row, numbers.read(cell));
    }
  }

  #addValue(row: number, name: string, cell: string): void {
    let column = this.#columns.get(name);
    if (column === undefined) {
      if (name.startsWith('_') && name !== '_deleted') {
        this.#given.add(name);
        return;
      }
      column = new ValueColumn();
      this.#columns.set(name, column);
    }
    if (column.add(row, cell)) return;
    this.#columns.delete(name);
    const read = this.#numeric(name);
    if (read === undefined) {
      this.#given.add(name);
      return;
    }
    const values = new NumberColumn((length) => new Float64Array(length));
    const known = column.cells.map(read);
    for (let before = 0; before < row; before++) values.push(known[column.code(before)] ?? Number.NaN);
    values.push(read(cell));
    this.#numbers.set(name, { values, read });
  }

  /** A column with few different values. */
  get(name: string): ValueColumn | undefined {
    return this.#columns.get(name);
  }

  /** A column with many different numbers or times; NaN for nothing. */
  numbers(name: string): NumberColumn | undefined {
    return this.#numbers.get(name)?.values;
  }

  get all(): Iterable<readonly [string, ValueColumn]> {
    return this.#columns;
  }
}

/** A part without this column may have come between. */
function push(values: NumberColumn, row: number, value: number): void {
  while (values.length < row) values.push(Number.NaN);
  values.push(value);
}
