import {
  type EndpointOf,
  FatalError,
  PAGE_PLACEHOLDERS,
  type PlacedText,
  parsePlaceholders,
  placeholdersIn,
  redactUrl,
  stringifyJson,
  withoutPlaceholders,
} from '@tributary/shared';
import { chosenOf, type Filling, fillingsOf } from '../../fillings.js';
import { userOf } from '../auth/basic.js';
import type { PageAddress } from '../paging/pager.js';
import { Address, encodeForUrl } from './address.js';
import type { HttpRequest } from './http-request.js';
import { compileBody, fillText } from './template.js';

/** What one request asks for. */
export interface Asked {
  /** Only what changed since; undefined for everything. */
  readonly since?: string | number | undefined;
  /** Only what changed before; undefined for everything. */
  readonly until?: string | number | undefined;
  /** What else placeholders name, such as `parent`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly page: PageAddress;
}

interface QueryEntry {
  readonly name: string;
  readonly value: PlacedText;
}

/** Makes the requests of an endpoint from its settings: the first page, those that follow, with everything filled in. */
export class Requests {
  readonly #config: EndpointOf<'rest'>;
  /** The URL up to its query. */
  readonly #place: PlacedText;
  /** The entries of the URL's own query, as they are written there. */
  readonly #ownQuery: readonly PlacedText[];
  readonly #query: readonly QueryEntry[];
  readonly #fixedHeaders: Readonly<Record<string, string>>;
  readonly #headers: readonly QueryEntry[];
  readonly #body: ((fillings: (name: string) => Filling | undefined) => string | undefined) | undefined;
  readonly #placed: ReadonlySet<string>;
  /** The whole URL is a placeholder, filled by a parent's record. */
  readonly #isWhole: boolean;
  /** The address of the parent. */
  readonly #home: Address | undefined;
  /** The values of `for` that this endpoint is polled for. */
  readonly #chosen: Readonly<Record<string, unknown>>;

  /**
   * @param accept the `Accept` header, unless the endpoint has one of its own
   * @param home the URL of the endpoint that this one is polled for, if it is a child
   */
  constructor(config: EndpointOf<'rest'>, accept: string, home?: string) {
    this.#config = config;
    this.#isWhole = config.url.startsWith('{{');
    this.#home = home === undefined ? undefined : Address.parse(withoutPlaceholders(userOf(home).url));
    const { url, authorization } = userOf(config.url);
    const [place = '', query = ''] = splitQuery(url);
    this.#place = parsePlaceholders(place);
    this.#ownQuery = query === '' ? [] : query.split('&').map(parsePlaceholders);
    this.#query = Object.entries(config.query).map(([name, value]) => ({ name, value: parsePlaceholders(value) }));
    this.#headers = Object.entries(config.headers).map(([name, value]) => ({
      name: name.toLowerCase(),
      value: parsePlaceholders(value),
    }));
    const body = bodyOf(config);
    this.#body = body?.write;
    this.#fixedHeaders = {
      accept,
      'user-agent': 'tributary',
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': body.type }),
    };
    this.#chosen = chosenOf(config);
    this.#placed = placeholdersIn(SETTINGS.map((setting) => config[setting]));
  }

  /**
   * Whether the pages of this endpoint are told apart by their URL alone, so that an answer can be known again by it. An
   * answer to a request with a body is never asked for on a condition.
   */
  get isKnownByUrl(): boolean {
    return (
      this.#body === undefined && !PAGE_PLACEHOLDERS.some((name) => placeholdersIn(this.#config.headers).has(name))
    );
  }

  /** @throws FatalError if a placeholder in the URL's path is empty, or the URL is none once it is filled in */
  build({ since, until, variables = {}, page }: Asked): HttpRequest {
    const { paging, incremental, method } = this.#config;
    const values = 'values' in page ? page.values : {};
    const size = 'size' in paging ? paging.size : undefined;
    const fillings = fillingsOf({ ...this.#chosen, ...variables, since, until, size, ...values });
    const headers: Record<string, string> = { ...this.#fixedHeaders };
    for (const { name, value } of this.#headers) {
      const filled = fillText(value, fillings);
      if (filled !== undefined) headers[name] = filled;
    }
    const request = {
      method: method ?? (this.#body === undefined ? 'GET' : 'POST'),
      headers,
      body: this.#body?.(fillings),
    };
    if ('address' in page) return { ...request, address: page.address };

    let address = this.#address(fillings);
    const set = (name: string | undefined, placeholder: string, value: Filling | undefined) => {
      if (name === undefined || value === undefined || this.#placed.has(placeholder)) return;
      address = address.with({ [name]: String(value) });
    };
    for (const { name, value } of this.#query) {
      const filled = fillText(value, fillings);
      if (filled !== undefined) address = address.with({ [name]: filled });
    }
    set(incremental?.parameter, 'since', since);
    set(incremental?.untilParameter, 'until', until);
    set('sizeParameter' in paging ? paging.sizeParameter : undefined, 'size', size);
    for (const [name, value] of Object.entries(values))
      set('parameter' in paging ? paging.parameter : undefined, name, value);
    return { ...request, address };
  }

  #ofTheParent(text: string): Address {
    const origin = this.#home?.origin;
    const address = this.#home?.resolve(text);
    if (address !== undefined && address.origin === origin) return address;
    const message = `a parent's record holds the address ${redactUrl(text)}, which is not on the parent's server ${origin}; it is not asked`;
    throw new FatalError('address_elsewhere', message);
  }

  #address(fillings: (name: string) => Filling | undefined): Address {
    const place = fillText(this.#place, fillings, this.#isWhole ? undefined : encodeForUrl);
    if (place === undefined) {
      const message = `a placeholder in the path of ${this.#config.url.replace(/\?.*/, '')} is empty; there is no address without it`;
      throw new FatalError('placeholder_empty', message);
    }
    // A URL that a parent's record holds as a whole: like a next page's, it may not lead to another server.
    if (this.#isWhole) return this.#ofTheParent(place);
    const query = this.#ownQuery
      .map((entry) => fillText(entry, fillings, encodeForUrl))
      .filter((entry) => entry !== undefined);
    const address = Address.parse(query.length === 0 ? place : `${place}?${query.join('&')}`);
    if (address === undefined)
      throw new FatalError('url_invalid', `after filling in the placeholders, this is not a valid URL: ${place}`);
    return address;
  }
}

/** The settings in which placeholders are filled in. */
const SETTINGS = ['url', 'query', 'headers', 'body', 'form', 'graphql'] as const;

/** What is sent as the body, and what it is called. */
function bodyOf({ body, form, graphql }: EndpointOf<'rest'>) {
  if (form !== undefined) {
    const entries = Object.entries(form).map(([name, value]) => ({ name, value: parsePlaceholders(value) }));
    return {
      type: 'application/x-www-form-urlencoded',
      write: (fillings: (name: string) => Filling | undefined) => {
        const filled = new URLSearchParams();
        for (const { name, value } of entries) {
          const text = fillText(value, fillings);
          if (text !== undefined) filled.append(name, text);
        }
        return filled.toString();
      },
    };
  }
  const content = graphql ?? body;
  if (content === undefined) return undefined;
  // A whole text is sent as it is: some APIs have languages of their own.
  const fill = compileBody(content);
  const isText = typeof content === 'string';
  return {
    type: isText ? 'text/plain; charset=utf-8' : 'application/json',
    write: (fillings: (name: string) => Filling | undefined) => {
      const filled = fill(fillings);
      return isText ? String(filled ?? '') : stringifyJson(filled ?? {});
    },
  };
}

const splitQuery = (text: string): readonly string[] => {
  const start = text.replace(/#.*$/s, '').indexOf('?');
  return start < 0 ? [text.replace(/#.*$/s, '')] : [text.slice(0, start), text.slice(start + 1).replace(/#.*$/s, '')];
};
