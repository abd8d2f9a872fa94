import { type Dataset, isNeutralised, type Logger, type Part, type SinkConfig } from '@tributary/shared';
import type { LandedRow } from '../port.js';
import { readPartRows } from './part-rows.js';
import { madeBy, type PartState } from './part-state.js';

export interface PartReaderOptions {
  readonly settings: SinkConfig['csv'];
  readonly state: PartState;
  readonly log: Logger;
}

/** So many lines that are no rows are told one by one, at each reading of a dataset. */
const TOLD = 10;
/** Characters of such a line that are told. */
const SHOWN = 80;

/** Reads the rows of parts, and tells of lines that another program has written or changed. They never keep it from going on. */
export class PartReader {
  readonly #options: PartReaderOptions;

  constructor(options: PartReaderOptions) {
    this.#options = options;
  }

  teller(dataset: Dataset): Teller {
    return new Teller(this.#options.log, dataset.name);
  }

  async *rows(part: Part, dataset: Dataset, teller?: Teller): AsyncGenerator<LandedRow> {
    const { settings, state } = this.#options;
    const neutralised = await isNeutralised(settings, dataset.name, part.name);
    const verify = await this.#mustVerify(part, dataset, state);
    try {
      for await (const line of readPartRows(part.path, { dataset, neutralised, verify })) {
        // A last line without its line end is still being written, or was torn by a crash: it does not exist yet.
        if (!line.ended) continue;
        if ('row' in line) yield line.row;
        else teller?.tell(part, line.number, line.fault, line.text);
      }
    } catch (error) {
      // A writer that finds its fence when it begins a part removes the part again, perhaps after it was listed here.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** How many lines are no rows. Of a file that is no part at all, one is counted. */
  async unread(part: Part, dataset: Dataset): Promise<number> {
    const neutralised = await isNeutralised(this.#options.settings, dataset.name, part.name);
    let lines = 0;
    try {
      for await (const line of readPartRows(part.path, { dataset, neutralised, verify: false }))
        if ('fault' in line && line.ended) lines += 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return lines;
  }

  /** Rows of a part that another program has changed have to prove themselves, unless they were made by other columns. */
  async #mustVerify({ name }: Part, dataset: Dataset, state: PartState): Promise<boolean> {
    if ((await state.evidence(dataset.name, name))?.changed !== true) return false;
    const made = (await state.begun(dataset.name, name))?.made;
    return made === undefined || made === madeBy(dataset);
  }
}

/** Tells a bounded number of lines, and how many there were. */
class Teller {
  readonly #log: Logger;
  readonly #dataset: string;
  #count = 0;

  constructor(log: Logger, dataset: string) {
    this.#log = log;
    this.#dataset = dataset;
  }

  tell({ path }: Part, number: number, fault: string, text: string): void {
    this.#count++;
    if (this.#count > TOLD) return;
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN).toWellFormed()}…` : text;
    const what = 'it is left where it is, and what it may have been is polled again';
    this.#log.warn({ path, line: number, text: shown }, `${path}, line ${number}, is no row: ${fault}; ${what}`);
  }

  finish(): void {
    if (this.#count <= TOLD) return;
    const dataset = this.#dataset;
    this.#log.warn({ dataset, lines: this.#count }, `${this.#count} lines in the parts of ${dataset} are no rows`);
  }
}
