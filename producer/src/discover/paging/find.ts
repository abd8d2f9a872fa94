import type { Reader, Reading } from '../ask/reader.js';
import { isSpent } from '../ask/recorder.js';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Guess, Settings } from '../guess.js';
import { besidesOf } from './envelope.js';
import { type Hint, hintsOf, type Told, toldBy } from './hints.js';
import { AFTER_LAST, findName, OFFSETS, PAGES, SIZES } from './names.js';

/** What is known when pages are looked for. */
export interface FirstPage {
  /** The endpoint's settings: the request, and where the records lie. */
  readonly settings: Settings;
  /** Where the records lie, as `items` has it. */
  readonly items: string;
  readonly body: unknown;
  readonly link: string | undefined;
  readonly records: readonly unknown[];
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
    const size = Object.entries(given).find(([name, value]) => SIZES.includes(name) && /^\d+$/.test(String(value)));
    this.#sent = { size: size === undefined ? undefined : [size[0], Number(size[1])] };
  }

  async find(): Promise<Guess<Paging>> {
    const told = this.#told;
    for (const hint of this.#hints) {
      const found = await this.#follow(hint);
      if (found !== undefined) return found;
    }
    const { totalRecords, totalPages, more } = told;
    const count = this.#page.records.length;
    const saysMore = more === true || Number(totalPages?.value ?? 1) > 1 || Number(totalRecords?.value ?? 0) > count;
    const saysAll =
      !saysMore &&
      (more === false ||
        totalPages !== undefined ||
        (totalRecords !== undefined && Number(totalRecords.value) <= count));
    if (!saysAll || this.#hints.length > 0) {
      const found = (await this.#lastId()) ?? (await this.#counted(saysMore));
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

  /** `has_more`, and nothing to go on with: the id of the last record. */
  async #lastId(): Promise<Guess<Paging> | undefined> {
    const { settings, records, items } = this.#page;
    const last = records.at(-1);
    if (this.#told.more !== true || typeof last !== 'object' || last === null || !('id' in last)) return undefined;
    const id = String(last.id);
    const name = await findName(AFTER_LAST, (names) =>
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
      `the page says that more follows, and \`${name}\` takes the id of the last record`,
    );
  }

  async #counted(saysMore: boolean): Promise<Guess<Paging> | undefined> {
    const { offset, page } = this.#told;
    const ways =
      offset !== undefined && page === undefined
        ? [() => this.#byOffset(), () => this.#byPage()]
        : [() => this.#byPage(), () => this.#byOffset()];
    // Where nothing says that there is more, one request for each way has to do.
    for (const way of ways) {
      const found = await way();
      if (found !== undefined) return found;
      if (!saysMore && this.#reader.recorder.left < 8) break;
    }
    return undefined;
  }

  async #byPage(): Promise<Guess<Paging> | undefined> {
    const { settings } = this.#page;
    const given = Object.keys(parametersOf(settings)).filter((name) => PAGES.includes(name));
    const echoed = this.#told.page;
    const names = [...new Set([...given, ...(echoed === undefined ? [] : namesOfPage(echoed.name)), ...PAGES])];
    const works = (some: readonly string[]) =>
      this.#differs(withParameters(settings, Object.fromEntries(some.map((name) => [name, 2]))));
    const [first = 'page', ...others] = names;
    const name = (await works([first])) ? first : await findName(others, works);
    if (name === undefined) return undefined;
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

  async #byOffset(): Promise<Guess<Paging> | undefined> {
    const { settings, records } = this.#page;
    const echoed = this.#told.offset?.name;
    const given = Object.keys(parametersOf(settings)).filter((name) => Object.hasOwn(OFFSETS, name));
    const names = [...new Set([...given, ...(echoed === undefined ? [] : [echoed]), ...Object.keys(OFFSETS)])];
    const works = (some: readonly string[]) =>
      this.#differs(withParameters(settings, Object.fromEntries(some.map((one) => [one, records.length]))));
    const name = await findName(names, works);
    if (name === undefined) return undefined;
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
    const end = reading.goesOn || reading.error !== undefined ? '' : ', and found the end';
    return {
      value: { settings, reading },
      reason: `${reason}; tried: read ${reading.pages.length} pages${end}`,
      isSure: true,
    };
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
      isSure: records.length % 10 !== 0,
    };
  }
}

/** What a GraphQL query declares. */
function variablesIn({ graphql }: Settings): string[] {
  const query = typeof graphql === 'object' && graphql !== null && 'query' in graphql ? String(graphql.query) : '';
  return [...query.matchAll(/\$(\w+)\s*:/g)].map(([, name = '']) => name);
}

/** `current_page` is asked for as `page`. */
const namesOfPage = (echoed: string): string[] =>
  /current|^number$/i.test(echoed) ? ['page', echoed] : [echoed, 'page'];

function sizeIn(url: string): Settings {
  const entries = [...new URLSearchParams(url.split('?')[1] ?? '')];
  const found = entries.find(([name, value]) => SIZES.includes(name) && /^\d+$/.test(value) && value !== '0');
  return found === undefined ? {} : { sizeParameter: found[0], size: Number(found[1]) };
}
