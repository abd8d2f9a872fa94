import { type Dataset, type FieldType, type Neutralised, SYSTEM_COLUMNS } from '@tributary/shared';
import { quoted } from '../../../sql/quoted.js';
import { isSystemColumn } from '../query/columns.js';
import { STORE, TABLES } from './open.js';
import type { PartFile, PartHeader } from './part-file.js';
import { GUARDED_SEMICOLON } from './staging.js';

/** What DuckDB compares and sorts the values of a type as, beside their text. */
const COMPARED_AS: Readonly<Partial<Record<FieldType, 'DOUBLE' | 'TIMESTAMP'>>> = {
  integer: 'DOUBLE',
  number: 'DOUBLE',
  decimal: 'DOUBLE',
  datetime: 'TIMESTAMP',
};

/** Where a column of a dataset is in the table. Names come from files: they are no part of any statement. */
export interface StoredColumn {
  readonly name: string;
  /** The text that was to be written; '' for the empty cell, null where there was no cell. */
  readonly text: string;
  /** Its value for comparisons; undefined if that is the text itself. */
  readonly compared: string | undefined;
  readonly comparedAs: 'DOUBLE' | 'TIMESTAMP' | undefined;
}

/** Lines that are put into the table. */
export interface Lines {
  /** What they are selected from: columns `c0`, `c1` and so on. */
  readonly source: string;
  /** Whether the cells stand there as they were meant, and not as the sink wrote them. */
  readonly isMeant: boolean;
}

/**
 * The table that holds a dataset's rows. Beside the columns of the dataset:
 *
 * | column | what it is |
 * | --- | --- |
 * | `rowid` | DuckDB's own: rows that were read later have a higher one |
 * | `part` | the number of its part |
 * | `piece` | the number of the piece that it was read with: its rows stand one after the other, here as in the part |
 * | `first` | how many rows of its part stand before its piece |
 * | `is_head` | whether it is the newest of its key |
 * | `is_deleted` | whether it is a tombstone |
 * | `written` | when it was written; 1970 if its text is no time, or one that JavaScript does not hold |
 * | `searched` | the texts that search looks in, in small letters |
 */
export class Table {
  /** Made by us alone: never quoted. */
  readonly name: string;
  /** As statements call it that are kept in its own file. */
  readonly inFile: string;
  readonly dataset: Dataset;
  readonly #columns = new Map<string, StoredColumn>();

  constructor(name: string, dataset: Dataset) {
    this.inFile = `${TABLES}.${name}`;
    this.name = `${STORE}.${this.inFile}`;
    this.dataset = dataset;
    for (const column of [...Object.keys(dataset.columns), ...SYSTEM_COLUMNS]) this.add(this.another(column));
  }

  get columns(): readonly StoredColumn[] {
    return [...this.#columns.values()];
  }

  has(column: string): boolean {
    return this.#columns.has(column);
  }

  /** @throws Error for a column that is not there */
  column(name: string): StoredColumn {
    const found = this.#columns.get(name);
    if (found === undefined) throw new Error(`there is no column ${name}`);
    return found;
  }

  /** A column that the table does not have yet. */
  another(name: string): StoredColumn {
    const number = this.#columns.size;
    const type = isSystemColumn(name) ? undefined : this.dataset.columns[name]?.type;
    const comparedAs = type === undefined ? undefined : COMPARED_AS[type];
    if (name === '_written_at') return { name, text: `t${number}`, compared: 'written', comparedAs: 'TIMESTAMP' };
    return { name, text: `t${number}`, compared: comparedAs && `s${number}`, comparedAs };
  }

  /** Notes a column that the table has, or will have when it is made. */
  add(column: StoredColumn): void {
    this.#columns.set(column.name, column);
  }

  createSql(): string {
    const own = this.columns.flatMap((column) => this.#definitions(column));
    return `CREATE OR REPLACE TABLE ${this.name} (part INTEGER, piece INTEGER, first BIGINT, is_head BOOLEAN, is_deleted BOOLEAN,
      written TIMESTAMP, searched VARCHAR ${HARDLY_TWICE}, ${own.join(', ')})`;
  }

  /** What adds a column to a table that was made. */
  alterSql(column: StoredColumn): string[] {
    return this.#definitions(column).map((definition) => `ALTER TABLE ${this.name} ADD COLUMN ${definition}`);
  }

  #definitions({ name, text, compared, comparedAs }: StoredColumn): string[] {
    const type = this.dataset.columns[name]?.type ?? 'string';
    const isHardlyTwice = isSystemColumn(name) ? name !== '_deleted' : HARDLY_TWICE_ARE.has(type);
    const own = `${text} VARCHAR${isHardlyTwice ? ` ${HARDLY_TWICE}` : ''}`;
    return compared === undefined || compared === 'written' ? [own] : [own, `${compared} ${comparedAs}`];
  }

  /** The newest of two rows of a key has the greater order: the same as the dataset's `orderOf`. */
  get order(): string {
    const [version, id] = [this.column('_version').text, this.column('_message_id').text];
    if (this.dataset.entity !== undefined) return orderSql(version, id);
    const side = (place: number) =>
      orderSql(`split_part(${version}, ' ', ${place})`, `split_part(${id}, ' ', ${place})`);
    return `(${side(1)} || chr(9) || ${side(2)})`;
  }

  /**
   * Adds lines to the table. What a column of the part is called must be noted before.
   * @param before rows of the part that stand before these
   * @param piece the number that the rows get as one piece
   */
  insertSql(
    { number, neutralised }: PartFile,
    { columns, isText }: PartHeader,
    { source, isMeant }: Lines,
    { before, piece }: { readonly before: number; readonly piece: number },
  ): string {
    const cells = new Map<string, string>();
    for (const [index, name] of columns.entries()) {
      if (!cells.has(name))
        cells.set(name, isMeant ? `c${index}` : meant(`c${index}`, isText[index] === true, neutralised));
    }
    const cell = (name: string) => cells.get(name) ?? 'NULL';
    // A tombstone has no values of the record's own.
    const text = ({ name }: StoredColumn) =>
      isSystemColumn(name) || !cells.has(name) ? cell(name) : `CASE WHEN is_deleted THEN NULL ELSE ${cell(name)} END`;
    const texts = this.columns.map((column) => column.text);
    const typed = this.columns.flatMap(({ text, compared, comparedAs }) =>
      compared === undefined || comparedAs === undefined ? [] : [{ text, compared, comparedAs }],
    );
    const searched = this.columns.filter(({ name }) => name === '_key' || !isSystemColumn(name)).map((one) => one.text);
    // DuckDB calculates an expression as often as it is named: each is named once, and what is made of it stands around it.
    return `INSERT INTO ${this.name} (part, piece, first, is_head, is_deleted, searched, ${[...texts, ...typed.map((one) => one.compared)].join(', ')})
      SELECT ${number}, ${piece}, ${before}, true, is_deleted, lower(concat_ws(chr(10), ${searched.join(', ')})), ${texts.join(', ')}
        ${typed.map(({ compared, comparedAs }) => `, ${compared === 'written' ? WRITTEN : `nullif(${compared}, ${NO_VALUE[comparedAs]})`}`).join('')}
      FROM (SELECT *${typed.map((one) => `, TRY_CAST(${one.text} AS ${one.comparedAs}) AS ${one.compared}`).join('')}
      FROM (SELECT is_deleted, ${this.columns.map((column) => `${text(column)} AS ${column.text}`).join(', ')}
      FROM (SELECT *, ${cell('_deleted')} = 'true' AS is_deleted FROM ${source})))`;
  }

  /** Takes out the rows of a part; the newest of those that are left of their keys are heads again. */
  forgetSql(part: number): string[] {
    const key = this.column('_key').text;
    return [
      `CREATE OR REPLACE TEMP TABLE headless AS SELECT ${key} AS key FROM ${this.name} WHERE part = ${part} AND is_head`,
      `DELETE FROM ${this.name} WHERE part = ${part}`,
      `WITH ranked AS (
         SELECT rowid AS row, row_number() OVER (PARTITION BY ${key} ORDER BY ${this.order} DESC, rowid) AS place
           FROM ${this.name} WHERE ${key} IN (SELECT key FROM headless))
       UPDATE ${this.name} SET is_head = true WHERE rowid IN (SELECT row FROM ranked WHERE place = 1)`,
    ];
  }

  /** Rows that are their keys' newest no more, now that those of a piece have come. */
  overtakenSql(piece: number): string {
    const key = this.column('_key').text;
    return `WITH twice AS (
        SELECT ${key} AS key FROM ${this.name} WHERE is_head AND ${key} IN (SELECT ${key} FROM ${this.name} WHERE piece = ${piece})
         GROUP BY 1 HAVING count(*) > 1),
      ranked AS (
        SELECT rowid AS row, row_number() OVER (PARTITION BY ${key} ORDER BY ${this.order} DESC, rowid) AS place
          FROM ${this.name} WHERE is_head AND ${key} IN (SELECT key FROM twice))
      UPDATE ${this.name} SET is_head = false WHERE rowid IN (SELECT row FROM ranked WHERE place > 1)`;
  }
}

/** DuckDB takes `infinity` and times that no Date of JavaScript holds: one such row made every answer about its dataset fail. */
const WRITTEN =
  "CASE WHEN isfinite(written) AND written BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN written ELSE TIMESTAMP '1970-01-01' END";

/** What a text may be read as that is no value. */
const NO_VALUE = { DOUBLE: "'nan'::DOUBLE", TIMESTAMP: 'NULL' } as const;

/** To look for equal texts where there are hardly any takes a third of the time in which rows are put into the table. */
const HARDLY_TWICE = 'USING COMPRESSION fsst';
const HARDLY_TWICE_ARE: ReadonlySet<FieldType> = new Set(['number', 'decimal', 'datetime'] as const);

/** The same as `versionOrder`. */
function orderSql(version: string, messageId: string): string {
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`;
  return `(CASE WHEN regexp_full_match(${version}, '${time}') THEN left(${version}, -1)
    WHEN regexp_full_match(${version}, '\\d+') THEN lpad(${version}, greatest(20, length(${version}))::INTEGER, '0')
    ELSE ${version} END || ' ' || ${messageId})`;
}

/** What was to be written in a cell, before it was neutralised for spreadsheets (see `withoutGuard`, but for what stands behind separators). */
function meant(cell: string, isText: boolean, neutralised: Neutralised | undefined): string {
  if (!isText) return `replace(${cell}, ${quoted(GUARDED_SEMICOLON)}, ';')`;
  if (neutralised === false) return cell;
  return `CASE WHEN starts_with(${cell}, '''') AND regexp_matches(${cell}, '^''+[=+\\-@\\t\\r\\n＝＋－＠]') THEN substr(${cell}, 2) ELSE ${cell} END`;
}

/** Bytes that any line may have. */
const USUAL_LINE = 2_000_000;
/** Bytes that each thread of DuckDB reads at once, unless a line is longer; by its own settings 32 MB. */
const BUFFER = 4_000_000;

/** DuckDB wants one that stands for nothing: no cell holds it. */
const NO_TEXT = '\u0001no text stands for nothing\u0001';

/**
 * A file of lines without a header, as a source of them.
 * @param longest bytes that no line exceeds
 */
export function linesOf(path: string, longest: number, columns: number): string {
  const types = Array.from({ length: columns }, (_, index) => `'c${index}': 'VARCHAR'`);
  const line = Math.max(USUAL_LINE, longest + 1_024);
  return `read_csv(${quoted(path)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    new_line = '\\r\\n', nullstr = '${NO_TEXT}', columns = {${types.join(', ')}},
    max_line_size = ${line}, buffer_size = ${Math.max(BUFFER, line * 2)})`;
}
