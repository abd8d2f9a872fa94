import type { Dialect, Placed, Sorting, Statement } from './database.js';

/** A column by which rows are read in order: the version, or one of the key. */
export interface OrderColumn {
  readonly name: string;
  readonly sorting: Sorting;
  /** Compared by the bytes of its text, as versions that are text are. */
  readonly isBytewise: boolean;
  /** Read as text; see {@link Dialect.exact}. */
  readonly isRounded?: boolean;
  /** Rows without it have no place in the order; they are read apart. */
  readonly nullable: boolean;
}

export interface Selection {
  /** What stands behind FROM: a table, or a query in brackets. */
  readonly from: string;
  /** The columns that are read; all if undefined. */
  readonly columns: readonly string[] | undefined;
  /** All of them, if some have to be read as text; see {@link Dialect.exact}. */
  readonly exact?: readonly (Pick<OrderColumn, 'name'> & { readonly isRounded?: boolean })[] | undefined;
  /** The version if there is one, and then the key. */
  readonly order: readonly OrderColumn[];
}

/** Where a chunk begins. */
export interface Start {
  /** The least version; undefined for the beginning. */
  readonly since: Placed | undefined;
  /** The values of the order's columns of the last row that was read; undefined for the first chunk. */
  readonly after: readonly Placed[] | undefined;
}

/** What the parameters of the query itself are bound to; they come before all others. */
type Given = readonly Placed[];

/** How a query is called within the statement, and a table where it needs a name. */
export const ALIAS = 'q';

/**
 * Writes statements that read rows in the order of version and key, chunk by chunk. Each chunk begins behind the last row of the one
 * before, by its values: an offset would count rows again and again, and skip some when others go away.
 */
export class Keyset {
  readonly #dialect: Dialect;
  readonly #selection: Selection;

  constructor(dialect: Dialect, selection: Selection) {
    this.#dialect = dialect;
    this.#selection = selection;
  }

  /** The columns of the result, without a row. */
  columns(given: Given = []): Statement {
    return { text: this.#dialect.limited(this.#select([], ''), 0), values: given };
  }

  /** @param chunk how many rows at most */
  chunk({ since, after }: Start, chunk: number, given: Given = []): Statement {
    const { order } = this.#selection;
    const values: Placed[] = [...given];
    const conditions = order.filter(({ nullable }) => nullable).map(({ name }) => `${this.#quote(name)} IS NOT NULL`);
    const [first] = order;
    if (after !== undefined) conditions.push(this.#behind(after, values));
    else if (since !== undefined && first !== undefined)
      conditions.push(`${this.#compared(first)} >= ${this.#place(since, values)}`);
    const sorted = order.map((column) => this.#compared(column)).join(', ');
    return { text: this.#dialect.limited(`${this.#select(conditions, ' AND ')} ORDER BY ${sorted}`, chunk), values };
  }

  /** The largest version. */
  newest(given: Given = []): Statement {
    const [version] = this.#selection.order;
    if (version === undefined) throw new Error('rows are read in no order');
    const name = this.#quote(version.name);
    const where = version.nullable ? ` WHERE ${name} IS NOT NULL` : '';
    const text = `SELECT ${name} FROM ${this.#selection.from}${where} ORDER BY ${this.#compared(version)} DESC`;
    return { text: this.#dialect.limited(text, 1), values: given };
  }

  /** Rows that lack their version or a part of their key; undefined if no column of these can be empty. */
  incomplete(most: number, given: Given = []): Statement | undefined {
    const nullable = this.#selection.order.filter((column) => column.nullable);
    if (nullable.length === 0) return undefined;
    const conditions = nullable.map(({ name }) => `${this.#quote(name)} IS NULL`);
    return { text: this.#dialect.limited(this.#select(conditions, ' OR '), most), values: given };
  }

  #select(conditions: readonly string[], join: string): string {
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(join)}`;
    return `SELECT ${this.#list()} FROM ${this.#selection.from}${where}`;
  }

  /** The first comparison is there for the database's index: it sees where the rows begin. */
  #behind(after: readonly Placed[], values: Placed[]): string {
    const { order } = this.#selection;
    const [first] = order;
    const [least] = after;
    if (first === undefined || least === undefined) throw new Error('rows are read in no order');
    if (order.length > 1 && this.#dialect.comparesLists) {
      const columns = order.map((column) => this.#compared(column)).join(', ');
      return `(${columns}) > (${after.map((value) => this.#place(value, values)).join(', ')})`;
    }
    const bound = order.length === 1 ? '' : `${this.#compared(first)} >= ${this.#place(least, values)} AND `;
    return `${bound}${this.#greater(order, after, values)}`;
  }

  #greater(
    [column, ...columns]: readonly OrderColumn[],
    [value, ...others]: readonly Placed[],
    values: Placed[],
  ): string {
    if (column === undefined || value === undefined) throw new Error('a row has fewer values than its order');
    const greater = `${this.#compared(column)} > ${this.#place(value, values)}`;
    if (columns.length === 0) return greater;
    const equal = `${this.#compared(column)} = ${this.#place(value, values)}`;
    return `(${greater} OR (${equal} AND ${this.#greater(columns, others, values)}))`;
  }

  #compared({ name, isBytewise }: OrderColumn): string {
    return isBytewise ? this.#dialect.bytewise(this.#quote(name)) : this.#quote(name);
  }

  #place(value: Placed, values: Placed[]): string {
    values.push(value);
    return this.#dialect.placeholder(values.length, value.sorting);
  }

  #list(): string {
    const { exact } = this.#selection;
    if (exact === undefined) return this.#selection.columns?.map((name) => this.#quote(name)).join(', ') ?? '*';
    const written = exact.map(({ name, isRounded = false }) => {
      const column = this.#quote(name);
      return isRounded ? `${this.#dialect.exact?.(column) ?? column} AS ${this.#dialect.quote(name)}` : column;
    });
    return written.join(', ');
  }

  /** With its table in front where a text of the same name is read: rows would be sorted by that. */
  #quote(name: string): string {
    const quoted = this.#dialect.quote(name);
    return this.#selection.exact === undefined ? quoted : `${ALIAS}.${quoted}`;
  }
}
