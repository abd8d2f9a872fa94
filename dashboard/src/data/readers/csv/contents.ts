import type { WholeLine } from '@tributary/shared';
import { type Dataset, decodeCell, encodeCell, type Field, guardJson, splitCells } from '@tributary/shared';
import { headerOf, isSystemColumn, type PartFile, type PartHeader } from './part-file.js';
import type { IndexedParts } from './read-rows.js';
import { RowIndex } from './row-index.js';
import { Searches } from './search.js';
import { TextOrders } from './text-order.js';
import { type ReadNumber, ValueColumns } from './value-columns.js';

const TEXT: Field = { type: 'string', optional: false, maxLength: Number.MAX_SAFE_INTEGER };

/** How much of a line's end is kept to know it again: its message id and when it was written are there. */
const ENDING = 120;
/** What the cut may leave of an emoji. */
const HALF_CHARACTER = /^[\udc00-\udfff]/;

function numberReader(field: Field | undefined): ReadNumber | undefined {
  if (field?.type === 'datetime') return (cell) => Date.parse(cell);
  if (field === undefined || !['integer', 'number', 'decimal'].includes(field.type)) return undefined;
  return (cell) => (cell === '' ? Number.NaN : Number(cell));
}

/**
 * All that is known of a dataset's files. It only grows. When a part is replaced, it is thrown away and another one begins, so
 * a call that still reads by an old one fails (PartReplacedError) and never shows a wrong row.
 */
export class Contents implements IndexedParts {
  readonly index = new RowIndex();
  readonly parts: PartFile[] = [];
  readonly values: ValueColumns;
  readonly searches = new Searches();
  readonly textOrders = new TextOrders();
  /** Whether every part has been read to its end once. */
  caughtUp = false;
  /** How many contents of this dataset there were, with this one. */
  readonly generation: number;
  readonly #dataset: Dataset;
  /** What the configuration says of cells that are written now. */
  readonly neutraliseFormulas: boolean;
  /** Lines that no row could be made of. */
  #unreadable = 0;
  #firstUnreadable = '';

  constructor(dataset: Dataset, neutraliseFormulas: boolean, generation: number) {
    this.#dataset = dataset;
    this.neutraliseFormulas = neutraliseFormulas;
    this.generation = generation;
    this.values = new ValueColumns((name) => numberReader(dataset.columns[name]));
  }

  get revision(): string {
    return this.revisionAt(this.index);
  }

  /** The revision as of a moment: rows are only ever added. */
  revisionAt({ count }: { readonly count: number }): string {
    return `${this.generation}.${count}`;
  }

  /** Names of columns that the parts have and the pipeline's configuration has not (any more). */
  get foundColumns(): Set<string> {
    return new Set(this.parts.flatMap((part) => part.header?.columns ?? []));
  }

  /** Why parts cannot be read now, in words. */
  get unreadable(): string[] {
    return this.parts.flatMap(({ unreadable }) =>
      unreadable === undefined ? [] : `${unreadable}; its rows are left out until it can be`,
    );
  }

  get problems(): string[] {
    const problems = [...this.parts.flatMap((part) => part.problem ?? []), ...this.unreadable];
    if (this.#unreadable > 0) {
      const lines = this.#unreadable === 1 ? '1 line is' : `${this.#unreadable} lines are`;
      problems.push(`${lines} left out: ${this.#firstUnreadable}`);
    }
    return problems;
  }

  /** Takes in the next whole line of a part: its header, or a row. */
  add(part: PartFile, line: WholeLine): void {
    part.end = line.offset + line.length;
    part.ending = line.text.slice(-ENDING).replace(HALF_CHARACTER, '');
    const { header } = part;
    if (header === undefined) {
      const columns = splitCells(line.text);
      part.header = headerOf(columns, this.#readingOf(part, columns));
      if (part.header === undefined)
        part.problem = `${part.name} is left out: its first line is not a Tributary header`;
      return;
    }
    const cells = header.cells(line.text);
    if (cells.length !== header.columns.length) {
      const fault = `has ${cells.length} cells instead of ${header.columns.length}`;
      this.#unreadable++;
      this.#firstUnreadable ||= `${part.name}, at byte ${line.offset}, ${fault}`;
      return;
    }
    const cell = (index: number): string => cells[index] ?? '';
    // Keys, versions and message ids come from outside, so the sink neutralises them like any other text.
    const text = (index: number) => decodeCell(cell(index), TEXT, this.neutraliseFormulas) as string;
    const deleted = cell(header.deleted) === 'true';
    this.values.add(this.index.count, header.columns, deleted ? ofTombstone(cells, header) : cells);
    this.index.add({
      part: part.number,
      offset: line.offset,
      length: line.length,
      key: text(header.key),
      order: this.#dataset.orderOf(text(header.version), text(header.messageId)),
      deleted,
      writtenAt: Date.parse(cell(header.writtenAt)) || 0,
    });
    part.rows++;
  }

  /**
   * Reads the cells of a part's lines. The setting may have been another one when the part was written: the same text stood for
   * another value then, and is written as it would be now.
   */
  #readingOf(part: PartFile, columns: readonly string[]): Pick<PartHeader, 'cells' | 'meant'> {
    const isText = columns.map((name) => isTextColumn(name, this.#dataset));
    const { neutraliseFormulas } = this;
    const cellsOf = (line: string): string[] => {
      const cells = splitCells(line);
      const { neutralised = neutraliseFormulas } = part;
      if (neutralised === neutraliseFormulas) return cells;
      return cells.map((cell, index) =>
        isText[index] === true
          ? encodeCell(decodeCell(cell, TEXT, neutralised), TEXT, neutraliseFormulas)
          : neutraliseFormulas
            ? guardJson(cell)
            : cell,
      );
    };
    const meant = (cell: string, index: number): string =>
      isText[index] === true ? (decodeCell(cell, TEXT, neutraliseFormulas) as string) : cell.replaceAll('\\u003b', ';');
    return { cells: cellsOf, meant };
  }
}

/** A tombstone has no values of the record's own; that it is one can be filtered by. */
const ofTombstone = (cells: readonly string[], { columns }: PartHeader): string[] =>
  cells.map((cell, index) => (isSystemColumn(columns[index] ?? '') ? cell : ''));

/** Whether the sink writes the column's values as text, which a spreadsheet may take for a formula. */
function isTextColumn(name: string, { columns }: Dataset): boolean {
  if (isSystemColumn(name)) return name !== '_deleted' && name !== '_written_at';
  const type = columns[name]?.type ?? 'string';
  return type === 'string' || type === 'datetime' || type === 'date';
}
