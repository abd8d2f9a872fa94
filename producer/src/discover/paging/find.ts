import type { Reader } from '../ask/reader.js';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Guess, Settings } from '../guess.js';
import { CountedPages } from './counted.js';
import { besidesOf } from './envelope.js';
import { type Hint, hintsOf, toldBy } from './hints.js';
import { knownOffset } from './known.js';
import { findByLastId, namesByOrder } from './last-id.js';
import { AFTER_LAST, SIZES } from './names.js';
import { withSize } from './sized.js';
import { type FirstPage, type Found, type Paging, Trial } from './trial.js';
import { isWindow } from './window.js';

/**
 * Finds how the next page is asked for: what the answer hints at is tried with the real source, one way after the other, and taken if
 * the second page holds other records than the first.
 */
export async function findPaging(page: FirstPage, reader: Reader): Promise<Guess<Paging>> {
  const search = new PagingSearch(page, reader);
  return await search.find();
}

class PagingSearch {
  readonly #page: FirstPage;
  readonly #reader: Reader;
  readonly #found: Found;
  readonly #trial: Trial;

  constructor(page: FirstPage, reader: Reader) {
    this.#page = page;
    this.#reader = reader;
    const besides = besidesOf(page.body, page.items);
    const given = parametersOf(page.settings);
    const told = toldBy(besides, page.records.length);
    const hints = hintsOf(besides, page.link, Object.keys(given), told.flags);
    const size = Object.entries(given).find(([name, value]) => SIZES.includes(name) && /^\d+$/.test(String(value)));
    this.#found = {
      page,
      told,
      hints,
      known: knownOffset(page.settings, besides),
      size: size === undefined ? undefined : [size[0], Number(size[1])],
    };
    this.#trial = new Trial(this.#found, reader);
  }

  async find(): Promise<Guess<Paging>> {
    const told = this.#found.told;
    for (const hint of this.#found.hints) {
      if (hint.kind !== 'cursor' && isWindow(this.#page.settings, hint.url)) continue;
      const found = await this.#follow(hint);
      if (found !== undefined) return found;
    }
    if (this.#page.isHuge === true) return this.#hugePage();
    const { totalRecords, totalPages, more } = told;
    const count = this.#page.records.length;
    const saysMore = more === true || Number(totalPages?.value ?? 1) > 1 || Number(totalRecords?.value ?? 0) > count;
    const saysAll =
      !saysMore &&
      (more === false ||
        totalPages !== undefined ||
        (totalRecords !== undefined && Number(totalRecords.value) <= count));
    if (!saysAll || this.#found.hints.length > 0) {
      const found =
        (more === true ? await findByLastId(this.#found, this.#trial, AFTER_LAST) : undefined) ??
        (await new CountedPages(this.#found, this.#trial, this.#reader).find(saysMore)) ??
        (this.#isFull() ? await findByLastId(this.#found, this.#trial, namesByOrder(this.#page.records)) : undefined);
      if (found !== undefined) return found;
    }
    return await this.#onePage(saysMore, saysAll);
  }

  async #follow(hint: Hint): Promise<Guess<Paging> | undefined> {
    if (hint.kind === 'cursor') return await this.#cursor(hint);
    return await this.#trial.prove(withSize(this.#page.settings, hint.paging, this.#found.size, hint.url), hint.reason);
  }

  /** The cursor's parameter is tried under one name after the other. */
  async #cursor({
    paging,
    value,
    names,
    reason,
  }: Extract<Hint, { kind: 'cursor' }>): Promise<Guess<Paging> | undefined> {
    const { settings } = this.#page;
    const declared = variablesIn(settings).filter((name) => /after|cursor|token/i.test(name));
    const carrier = carrierOf(settings);
    for (const name of carrier === 'variables' ? declared : names.slice(0, 7)) {
      const probe =
        carrier === 'query' ? undefined : await this.#trial.differs(withParameters(settings, { [name]: value }));
      if (probe === false) continue;
      const asked =
        carrier === 'query'
          ? { ...withParameters(settings, { [name]: undefined }), paging: { ...paging, parameter: name } }
          : { ...withParameters(settings, { [name]: '{{cursor}}' }), paging };
      const found = await this.#trial.prove(asked, `${reason}, and \`${name}\` takes it`);
      if (found !== undefined) return found;
      if (this.#reader.recorder.left <= 1) return undefined;
    }
    return undefined;
  }

  /** As many records as were asked for, or a round number of them: there may be more. */
  #isFull(): boolean {
    const { length } = this.#page.records;
    return length === this.#found.size?.[1] || (length >= 10 && length % 10 === 0);
  }

  #hugePage(): Guess<Paging> {
    const { settings, records } = this.#page;
    const reason = `the answer holds more than ${records.length} records, and nothing in it leads to another page: it is taken for all there is`;
    return { value: { settings, reading: { pages: [records], goesOn: false } }, reason, isSure: false };
  }

  /** Nothing leads further: there is one page, or what leads further could not be proved. */
  async #onePage(saysMore: boolean, saysAll: boolean): Promise<Guess<Paging>> {
    const { settings, records } = this.#page;
    const { saysEnd } = this.#found.told;
    const likely =
      saysEnd !== undefined && !/token|cursor/i.test(saysEnd.name)
        ? { ...settings, paging: { type: 'next-url', next: saysEnd.path } }
        : settings;
    const reading = await this.#reader.read(likely, { pages: 2 });
    const isRead = reading.error === undefined && reading.pages.length > 0;
    const value = isRead ? { settings: likely, reading } : { settings, reading: { pages: [records], goesOn: false } };
    if (saysEnd !== undefined && isRead)
      return {
        value,
        reason: `${saysEnd.path} is empty: this page is the last, so this could not be tried`,
        isSure: false,
      };
    if (saysMore)
      return {
        value,
        reason: 'the answer says that there is more, but no usual parameter gives the next page',
        isSure: false,
      };
    if (saysAll) return { value, reason: 'the answer says that this is all', isSure: true };
    return {
      value,
      reason: 'nothing in the answer tells of more pages, and no usual parameter gives other records',
      isSure: !this.#isFull(),
    };
  }
}

/** What a GraphQL query declares. */
function variablesIn({ graphql }: Settings): string[] {
  const query = typeof graphql === 'object' && graphql !== null && 'query' in graphql ? String(graphql.query) : '';
  return [...query.matchAll(/\$(\w+)\s*:/g)].map(([, name = '']) => name);
}
