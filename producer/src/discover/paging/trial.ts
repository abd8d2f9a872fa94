import { isMapping } from '@tributary/shared';
import type { Reader, Reading } from '../ask/reader.js';
import { isSpent } from '../ask/recorder.js';
import { withParameters } from '../ask/settings.js';
import type { Guess, Settings } from '../guess.js';
import type { Hint, Told } from './hints.js';
import { OFFSETS } from './names.js';

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

/** What the first page tells of others. */
export interface Found {
  readonly page: FirstPage;
  readonly told: Told;
  readonly hints: readonly Hint[];
  /** The parameter that is known to skip records, at this kind of API. */
  readonly known: string | undefined;
  /** The size of a page, as the request has it: its name and its number. */
  readonly size: readonly [string, number] | undefined;
}

/** Tries ways to the next page with the real source: one is taken if the second page holds other records than the first. */
export class Trial {
  readonly #reader: Reader;
  readonly #found: Found;
  readonly #first: ReadonlySet<string>;

  constructor(found: Found, reader: Reader) {
    this.#found = found;
    this.#reader = reader;
    this.#first = new Set(found.page.records.map(fingerprint));
  }

  /** Takes a way if it leads to other records. */
  async prove(settings: Settings, reason: string): Promise<Guess<Paging> | undefined> {
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
    const { totalRecords } = this.#found.told;
    const url = this.#found.hints.find(({ kind }) => kind === paging.type);
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
  async differs(settings: Settings): Promise<boolean> {
    if (this.#reader.recorder.left <= 0) return false;
    const { pages } = await this.#reader.read(settings, { pages: 1 });
    return this.#areOthers(pages[0] ?? []);
  }
}

const fingerprint = (record: unknown): string => JSON.stringify(record);

/** The parameter of an address that skips records. */
const offsetIn = (url: string): string | undefined =>
  [...new URLSearchParams(url.split('?')[1] ?? '')].find(
    ([name, value]) => Object.hasOwn(OFFSETS, name) && /^\d+$/.test(value),
  )?.[0];
