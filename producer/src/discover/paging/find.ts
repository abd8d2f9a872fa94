import { isMapping } from '@tributary/shared';
import type { Reader, Reading } from '../ask/reader.js';
import { isSpent } from '../ask/recorder.js';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Guess, Settings } from '../guess.js';
import { besidesOf } from './envelope.js';
import { type Hint, hintsOf, type Told, toldBy } from './hints.js';
import { knownOffset } from './known.js';
import { AFTER_LAST, BEFORE_LAST, findName, OFFSETS, PAGES, SIZES } from './names.js';
import { isWindow } from './window.js';

/** What is known when pages are looked for. */
export interface FirstPage {
  /** The endpoint's settings: the request, and where the records lie. */
  readonly settings: Settings;
  /** Where the records lie, as `items` has it. */
  readonly items: string;
  readonly body: unknown;
  readonly link: string | undefined;
  readonly records: readonly unknown[];
  /** There are thousands more on this page: it is not asked for again to find a second one. */
  readonly isHuge?: boolean;
}

/** How the pages follow each other, and what reading them gave. */
export interface Paging {
  readonly settings: Settings;
  readonly reading: Reading;
}

/** As many pages are read to learn from, if the budget has room. */
const PAGES_READ = 4;

/**
 * Finds how the next page is asked for: what the answer hints at is tried with the real source, one way after the other, and taken if
 * the second page holds other records than the first.
 */
export async function findPaging(page: FirstPage, reader: Reader): Promise<Guess<Paging>> {
  const search = new PagingSearch(page, reader);
  return await search.find();
}

const fingerprint = (record: unknown): string => JSON.stringify(record);

class PagingSearch {
  readonly #page: FirstPage;
  readonly #reader: Reader;
  readonly #first: ReadonlySet<string>;
  readonly #told: Told;
  readonly #hints: readonly Hint[];
  readonly #known: string | undefined;
  /** Size and number of the page, as the request has them. */
  readonly #sent: { readonly size: readonly [string, number] | undefined };

  constructor(page: FirstPage, reader: Reader) {
    this.#page = page;
    this.#reader = reader;
    this.#first = new Set(page.records.map(fingerprint));
    const besides = besidesOf(page.body, page.items);
    const given = parametersOf(page.settings);
    this.#told = toldBy(besides, page.records.length);
    this.#hints = hintsOf(besides, page.link, Object.keys(given), this.#told.flags);
    this.#known = knownOffset(page.settings, besides);
    const size = Object.entries(given).find(([name, value]) => SIZES.includes(name) && /^\d+$/.test(String(value)));
    this.#sent = { size: size === undefined ? undefined : [size[0], Number(size[1])] };
  }

  async find(): Promise<Guess<Paging>> {
    const told = this.#told;
    for (const hint of this.#hints) {
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
    if (!saysAll || this.#hints.length > 0) {
      const found =
        (more === true ? await this.#lastId(AFTER_LAST) : undefined) ??
        (await this.#counted(saysMore)) ??
        (this.#isFull() ? await this.#lastId(this.#namesByOrder()) : undefined);
      if (found !== undefined) return found;
    }
    return await this.#onePage(saysMore, saysAll);
  }

  async #follow(hint: Hint): Promise<Guess<Paging> | undefined> {
    if (hint.kind === 'cursor') return await this.#cursor(hint);
    return await this.#prove(this.#withSize(this.#page.settings, hint.paging, hint.url), hint.reason);
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
      const probe = carrier === 'query' ? undefined : await this.#differs(withParameters(settings, { [name]: value }));
      if (probe === false) continue;
      const asked =
        carrier === 'query'
          ? { ...withParameters(settings, { [name]: undefined }), paging: { ...paging, parameter: name } }
          : { ...withParameters(settings, { [name]: '{{cursor}}' }), paging };
      const found = await this.#prove(asked, `${reason}, and \`${name}\` takes it`);
      if (found !== undefined) return found;
      if (this.#reader.recorder.left <= 1) return undefined;
    }
    return undefined;
  }

  /** As many records as were asked for, or a round number of them: there may be more. */
  #isFull(): boolean {
    const { length } = this.#page.records;
    return length === this.#sent.size?.[1] || (length >= 10 && length % 10 === 0);
  }

  /** What takes the last id, if the ids grow, or become less. */
  #namesByOrder(): readonly string[] {
    const ids = this.#page.records.map((record) => (isMapping(record) ? String(record.id) : ''));
    if (!ids.every((id) => /^\d+$/.test(id))) return [];
    const numbers = ids.map(BigInt);
    const grows = (sign: 1 | -1) =>
      numbers.every(
        (one, index) =>
          index === 0 || (sign === 1 ? one > (numbers[index - 1] ?? one) : one < (numbers[index - 1] ?? one)),
      );
    return grows(-1) ? BEFORE_LAST : grows(1) ? AFTER_LAST : [];
  }

  /** Nothing to go on with but the id of the last record. */
  async #lastId(taking: readonly string[]): Promise<Guess<Paging> | undefined> {
    const { settings, records, items } = this.#page;
    const last = records.at(-1);
    if (!isMapping(last) || last.id === undefined || taking.length === 0) return undefined;
    const id = String(last.id);
    const name = await findName(taking, (names) =>
      this.#differs(withParameters(settings, Object.fromEntries(names.map((one) => [one, id])))),
    );
    if (name === undefined) return undefined;
    const next = `${items === '$' ? '$' : items}[-1].id`;
    const { place, paging } =
      carrierOf(settings) === 'query'
        ? { place: settings, paging: { type: 'cursor', next, parameter: name, ...this.#told.flags } }
        : {
            place: withParameters(settings, { [name]: '{{cursor}}' }),
            paging: { type: 'cursor', next, ...this.#told.flags },
          };
    return await this.#prove(
      { ...place, paging },
      `${this.#told.more === true ? 'the page says that more follows' : 'the page is full'}, and \`${name}\` takes the id of the last record`,
    );
  }

  /** Pages by their number, or by the records before them: the likeliest parameter of each alone, then all others at once. */
  async #counted(saysMore: boolean): Promise<Guess<Paging> | undefined> {
    const { settings, records } = this.#page;
    const { offset, page } = this.#told;
    const given = Object.keys(parametersOf(settings));
    const known = this.#known === undefined ? [] : [this.#known];
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
      this.#differs(
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
    const echoed = this.#told.page;
    const { totalPages, totalRecords } = this.#told;
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
        ...this.#told.flags,
      };
      const asked = this.#placed(name, '{{page}}', paging);
      const found = await this.#prove(asked, `\`${name}\` asks for the second page by its number`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #byOffset(name: string): Promise<Guess<Paging> | undefined> {
    const { records } = this.#page;
    const { totalRecords } = this.#told;
    const total = totalRecords === undefined ? {} : { total: totalRecords.path };
    const size = this.#sent.size?.[1] ?? Math.max(records.length, 1);
    for (const sizeParameter of this.#sent.size === undefined ? (OFFSETS[name] ?? ['limit']) : [this.#sent.size[0]]) {
      const paging = { type: 'offset', parameter: name, sizeParameter, size, ...total, ...this.#told.flags };
      const found = await this.#prove(
        this.#placed(name, '{{offset}}', paging),
        `\`${name}\` skips the records of the first page`,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** In the query paging has a parameter of its own; in a body it is a placeholder. */
  #placed(name: string, placeholder: string, { parameter, ...paging }: Settings): Settings {
    const { settings } = this.#page;
    if (carrierOf(settings) === 'query')
      return this.#withSize(withParameters(settings, { [name]: undefined }), { ...paging, parameter }, '');
    return { ...withParameters(settings, { [name]: placeholder }), paging };
  }

  /** The size that the request, or the next page's address, asks for is a setting of paging. */
  #withSize(settings: Settings, paging: Settings, url: string): Settings {
    const { size } = this.#sent;
    if (carrierOf(settings) !== 'query' || paging.size !== undefined) {
      const [name] = size ?? [];
      return {
        ...(name === undefined || carrierOf(settings) !== 'query'
          ? settings
          : withParameters(settings, { [name]: undefined })),
        paging,
      };
    }
    if (size !== undefined)
      return {
        ...withParameters(settings, { [size[0]]: undefined }),
        paging: { ...paging, sizeParameter: size[0], size: size[1] },
      };
    return { ...settings, paging: { ...paging, ...sizeIn(url) } };
  }

  /** Takes a way if it leads to other records. */
  async #prove(settings: Settings, reason: string): Promise<Guess<Paging> | undefined> {
    const { left } = this.#reader.recorder;
    const reading = await this.#reader.read(settings, { pages: Math.min(PAGES_READ, Math.max(2, left - 5)) });
    const [one = [], two = []] = reading.pages;
    if (one.length === 0 || !one.some((record) => this.#first.has(fingerprint(record)))) return undefined;
    if (!this.#areOthers(two)) return undefined;
    if (reading.error !== undefined && !isSpent(reading.error)) return undefined;
    if (await this.#neverEnds(settings, reading)) return undefined;
    const end = reading.goesOn || reading.error !== undefined ? '' : ', and found the end';
    return {
      value: { settings, reading },
      reason: `${reason}; tried: read ${reading.pages.length} pages${end}`,
      isSure: true,
    };
  }

  /** Some name a next page behind the last one too, and behind that: each poll would read until it gives up. */
  async #neverEnds(settings: Settings, { goesOn, pages }: Reading): Promise<boolean> {
    const { paging } = settings;
    const isFollowed = isMapping(paging) && (paging.type === 'next-url' || paging.type === 'link');
    if (!isFollowed || !goesOn || this.#reader.recorder.left <= 0) return false;
    if (pages.at(-1)?.length === 0) {
      const further = await this.#reader.read(settings, { pages: pages.length + 1 });
      return further.pages.length > pages.length;
    }
    const { totalRecords } = this.#told;
    const url = this.#hints.find(({ kind }) => kind === paging.type);
    const offset = url === undefined || url.kind === 'cursor' ? undefined : offsetIn(url.url);
    if (offset === undefined || totalRecords === undefined) return false;
    const behind = await this.#reader.read(withParameters(settings, { [offset]: String(totalRecords.value) }), {
      pages: 2,
    });
    return behind.pages[0]?.length === 0 && behind.pages.length > 1;
  }

  #areOthers(records: readonly unknown[]): boolean {
    const known = records.filter((record) => this.#first.has(fingerprint(record))).length;
    return records.length > 0 && known <= records.length / 2;
  }

  /** Whether these settings give other records than the first page, in one request. */
  async #differs(settings: Settings): Promise<boolean> {
    if (this.#reader.recorder.left <= 0) return false;
    const { pages } = await this.#reader.read(settings, { pages: 1 });
    return this.#areOthers(pages[0] ?? []);
  }

  #hugePage(): Guess<Paging> {
    const { settings, records } = this.#page;
    const reason = `the answer holds more than ${records.length} records, and nothing in it leads to another page: it is taken for all there is`;
    return { value: { settings, reading: { pages: [records], goesOn: false } }, reason, isSure: false };
  }

  /** Nothing leads further: there is one page, or what leads further could not be proved. */
  async #onePage(saysMore: boolean, saysAll: boolean): Promise<Guess<Paging>> {
    const { settings, records } = this.#page;
    const { saysEnd } = this.#told;
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

/** How many parameters are tried alone. */
const ONE_BY_ONE = 5;

/** Those first that the text of a refusal names. */
const namedFirst = (names: readonly string[], text: string): readonly string[] => {
  const words = new Set(text.match(/[\w$[\]]+/g));
  return names.toSorted((a, b) => Number(words.has(b)) - Number(words.has(a)));
};

/** The parameter of an address that skips records. */
const offsetIn = (url: string): string | undefined =>
  [...new URLSearchParams(url.split('?')[1] ?? '')].find(
    ([name, value]) => Object.hasOwn(OFFSETS, name) && /^\d+$/.test(value),
  )?.[0];

/** `current_page` is asked for as `page`. */
const namesOfPage = (echoed: string): string[] =>
  /current|^number$/i.test(echoed) ? ['page', echoed] : [echoed, 'page'];

function sizeIn(url: string): Settings {
  const entries = [...new URLSearchParams(url.split('?')[1] ?? '')];
  const found = entries.find(([name, value]) => SIZES.includes(name) && /^\d+$/.test(value) && value !== '0');
  return found === undefined ? {} : { sizeParameter: found[0], size: Number(found[1]) };
}
