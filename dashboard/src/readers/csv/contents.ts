import type { Dataset } from '@tributary/shared';
import { splitCells } from './cells.js';
import type { WholeLine } from './lines.js';
import { headerOf, type PartFile } from './part-file.js';
import { RowIndex } from './row-index.js';
import { Searches } from './search.js';

/**
 * All that is known of a dataset's files. It only ever grows; when a part is replaced it is thrown away and another
 * begins, so whoever still reads by an old one is told (PartReplacedError) and never shown a wrong row.
 */
export class Contents {
  readonly index = new RowIndex();
  readonly parts: PartFile[] = [];
  readonly searches = new Searches();
  /** Lines that no row could be made of. */
  #unreadable = 0;
  #firstUnreadable = '';

  constructor(
    private readonly dataset: Dataset,
    readonly generation: number,
  ) {}

  get revision(): string {
    return `${this.generation}.${this.index.count}`;
  }

  /** Names of columns that the parts have and the pipeline's configuration has not (any more). */
  get foundColumns(): Set<string> {
    return new Set(this.parts.flatMap((part) => part.header?.columns ?? []));
  }

  get problems(): string[] {
    const problems = this.parts.flatMap((part) => part.problem ?? []);
    if (this.#unreadable > 0) {
      const lines = this.#unreadable === 1 ? '1 line is' : `${this.#unreadable} lines are`;
      problems.push(`${lines} left out: ${this.#firstUnreadable}`);
    }
    return problems;
  }

  /** Takes in the next whole line of a part: its header, or a row. */
  add(part: PartFile, line: WholeLine): void {
    part.end = line.offset + line.length;
    const cells = splitCells(line.text);
    const { header } = part;
    if (header === undefined) {
      part.header = headerOf(cells);
      if (part.header === undefined)
        part.problem = `${part.name} is left out: its first line is not a Tributary header`;
      return;
    }
    if (cells.length !== header.columns.length) {
      this.#unreadable++;
      this.#firstUnreadable ||= `${part.name}, at byte ${line.offset}, has ${cells.length} cells instead of ${header.columns.length}`;
      return;
    }
    const cell = (index: number): string => cells[index] ?? '';
    this.index.add({
      part: part.number,
      offset: line.offset,
      length: line.length,
      key: cell(header.key),
      order: this.dataset.orderOf(cell(header.version), cell(header.messageId)),
      deleted: cell(header.deleted) === 'true',
      writtenAt: Date.parse(cell(header.writtenAt)) || 0,
    });
    part.rows++;
  }
}
