import type { Reader } from '../ask/reader.js';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Guess, Settings } from '../guess.js';
import { findName, OFFSETS, PAGES } from './names.js';
import { withSize } from './sized.js';
import type { Found, Paging, Trial } from './trial.js';

/** Finds pages that are asked for by their number, or by the records before them. */
export class CountedPages {
  readonly #found: Found;
  readonly #trial: Trial;
  readonly #reader: Reader;

  constructor(found: Found, trial: Trial, reader: Reader) {
    this.#found = found;
    this.#trial = trial;
    this.#reader = reader;
  }

  /** Pages by their number, or by the records before them: the likeliest parameter of each alone, then all others at once. */
  async find(saysMore: boolean): Promise<Guess<Paging> | undefined> {
    const { settings, records } = this.#found.page;
    const { offset, page } = this.#found.told;
    const given = Object.keys(parametersOf(settings));
    const known = this.#found.known === undefined ? [] : [this.#found.known];
    const isOffset = (name: string) => Object.hasOwn(OFFSETS, name) || name === offset?.name;
    const pages = [
      ...given.filter((name) => PAGES.includes(name)),
      ...(page === undefined ? [] : namesOfPage(page.name)),
      'page',
    ];
    const offsets = [...given.filter(isOffset), ...known, ...(offset === undefined ? [] : [offset.name]), 'offset'];
    const [firstPage = '', firstOffset = ''] = [pages[0], offsets[0]];
    const isSkipped = known.length > 0 || (offset !== undefined && page === undefined);
    const likely = isSkipped ? [firstOffset, firstPage] : [firstPage, firstOffset];
    const others = [...new Set([...pages, ...offsets, ...Object.keys(OFFSETS), ...PAGES])].filter(
      (name) => !likely.includes(name),
    );
    const works = (names: readonly string[]) =>
      this.#trial.differs(
        withParameters(settings, Object.fromEntries(names.map((name) => [name, isOffset(name) ? records.length : 2]))),
      );
    const prove = (name: string) => (isOffset(name) ? this.#byOffset(name) : this.#byPage(name));
    for (const name of likely) {
      const found = (await works([name])) ? await prove(name) : undefined;
      if (found !== undefined) return found;
      if (!saysMore && this.#reader.recorder.left < 8) return undefined;
    }
    const name = this.#reader.recorder.isRefused ? undefined : await findName(others, works);
    if (name !== undefined) return await prove(name);
    if (!this.#reader.recorder.isRefused) return undefined;
    // An API that refuses parameters which it does not know has to be asked with one at a time.
    for (const one of namedFirst(others, this.#reader.recorder.last?.text ?? '').slice(0, ONE_BY_ONE)) {
      const found = this.#reader.recorder.left > 5 && (await works([one])) ? await prove(one) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #byPage(name: string): Promise<Guess<Paging> | undefined> {
    const echoed = this.#found.told.page;
    const { totalPages, totalRecords } = this.#found.told;
    const total =
      totalPages !== undefined
        ? { total: totalPages.path, totalIn: 'pages' }
        : totalRecords === undefined
          ? {}
          : { total: totalRecords.path };
    for (const start of echoed?.value === 0 ? [0, 1] : [1, 0]) {
      const paging = {
        type: 'page',
        parameter: name,
        ...(start === 1 ? {} : { first: start }),
        ...total,
        ...this.#found.told.flags,
      };
      const asked = this.#placed(name, '{{page}}', paging);
      const found = await this.#trial.prove(asked, `\`${name}\` asks for the second page by its number`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #byOffset(name: string): Promise<Guess<Paging> | undefined> {
    const { records } = this.#found.page;
    const { totalRecords } = this.#found.told;
    const total = totalRecords === undefined ? {} : { total: totalRecords.path };
    const size = this.#found.size?.[1] ?? Math.max(records.length, 1);
    for (const sizeParameter of this.#found.size === undefined ? (OFFSETS[name] ?? ['limit']) : [this.#found.size[0]]) {
      const paging = { type: 'offset', parameter: name, sizeParameter, size, ...total, ...this.#found.told.flags };
      const found = await this.#trial.prove(
        this.#placed(name, '{{offset}}', paging),
        `\`${name}\` skips the records of the first page`,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** In the query paging has a parameter of its own; in a body it is a placeholder. */
  #placed(name: string, placeholder: string, { parameter, ...paging }: Settings): Settings {
    const { settings } = this.#found.page;
    if (carrierOf(settings) === 'query')
      return withSize(withParameters(settings, { [name]: undefined }), { ...paging, parameter }, this.#found.size);
    return { ...withParameters(settings, { [name]: placeholder }), paging };
  }
}

/** How many parameters are tried alone. */
const ONE_BY_ONE = 5;

/** Those first that the text of a refusal names. */
const namedFirst = (names: readonly string[], text: string): readonly string[] => {
  const words = new Set(text.match(/[\w$[\]]+/g));
  return names.toSorted((a, b) => Number(words.has(b)) - Number(words.has(a)));
};

/** `current_page` is asked for as `page`. */
const namesOfPage = (echoed: string): string[] =>
  /current|^number$/i.test(echoed) ? ['page', echoed] : [echoed, 'page'];
