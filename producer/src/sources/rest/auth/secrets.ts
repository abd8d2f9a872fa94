import { concealedIn, type EndpointOf, ExactNumber, formsOf, redactUrl } from '@tributary/shared';
import { Address } from '../request/address.js';
import { userOf } from './basic.js';

/** Shorter values are no secrets, and would be found in many texts by chance. */
const MIN_SECRET_LENGTH = 4;
const MOST_SECRETS = 1_000;

/**
 * The values of an endpoint's settings that must not be shown or stored: header values, query values, credentials in its
 * URL, and those that its kind of auth adds. An API may send any of them back, in an error page or in the URL of its next page.
 */
export class Secrets {
  #texts: readonly string[] = [];
  readonly #query: readonly (readonly [string, string])[];
  /** Those that the settings have from outside of the file, in all their forms, the longest first. */
  readonly #foreign: readonly string[];
  /** Of these, what is in the URL: their order depends on nothing else, so that what is kept can be revealed. */
  readonly #inUrl: readonly string[];

  constructor(config: EndpointOf<'rest'>) {
    const { url, query, headers, body, form, graphql, tls } = config;
    const { user, password, authorization } = userOf(url);
    this.#query = [...(Address.parse(url)?.entries ?? []), ...Object.entries(query)];
    this.add(...Object.values(headers), ...this.#query.map(([, value]) => value), ...secretsIn([body, form, graphql]));
    this.add(...[user, password, authorization, tls?.key, tls?.passphrase].filter((value) => value !== undefined));
    const foreign = concealedIn(config);
    this.add(...foreign);
    this.#foreign = longestFirst(foreign.flatMap(formsOf));
    this.#inUrl = this.#foreign.filter(
      (form) => url.includes(form) || (Address.parse(url)?.href.includes(form) ?? false),
    );
  }

  /** Adds more of them, such as a token. */
  add(...values: string[]): void {
    // Of "Bearer abc" the token alone is a secret too. An API may send it back as it was sent: encoded, or within JSON.
    const parts = values.flatMap((value) => [value, ...value.split(/\s+/)]).flatMap(formsOf);
    this.#texts = longestFirst([...this.#texts, ...parts])
      // Tokens come and go; an API no longer sends back those that expired long ago.
      .slice(0, MOST_SECRETS);
  }

  /** The text with every secret replaced. */
  conceal(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text);
  }

  /**
   * The text without the secrets that came from outside of the file. Other secrets may be words that an error is made of, such as
   * the value of an `Accept` header.
   */
  concealForeign(text: string): string {
    return this.#foreign.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text);
  }

  /** A URL for an error: without secrets, and without the values of its query. */
  place(address: Address): string {
    return this.concealForeign(redactUrl(address.href));
  }

  /** A URL for a person who tries the settings: without secrets, and with what paging and increments have filled in. */
  show(address: Address): string {
    const isConfigured = (name: string, value: string) =>
      this.#query.some(([known, configured]) => known === name && configured === value);
    const shown = address.mapValues((name, value) =>
      isConfigured(name, value) || this.conceal(value) !== value ? '...' : value,
    );
    return this.conceal(shown.href);
  }

  /**
   * A URL without the configured query values and the secrets of the configured path, fit to be kept; {@link reveal} puts them back.
   * Other secrets in the query, such as a key that the API repeats in the URL of its next page, are left out: credentials are added
   * anew to each request.
   *
   * @returns undefined if there are still secrets in it
   */
  withhold(address: Address): string | undefined {
    const { origin, path } = address
      .without((_name, value) => !this.#query.some(([, known]) => known === value) && this.#texts.includes(value))
      .mapValues((name, value) => {
        const place = this.#query.findIndex(([known, configured]) => known === name && configured === value);
        return place < 0 ? value : `{configured:${place}}`;
      });
    const kept =
      origin + this.#inUrl.reduce((text, form, place) => text.replaceAll(form, `~configured:${place}~`), path);
    return this.concealForeign(kept) === kept ? kept : undefined;
  }

  /** The reverse of {@link withhold}; undefined if it is no URL. */
  reveal(kept: string): Address | undefined {
    const text = kept.replaceAll(/~configured:(\d+)~/g, (mark, place: string) => this.#inUrl[Number(place)] ?? mark);
    return Address.parse(text)?.mapValues((_name, value) => {
      const place = /^\{configured:(\d+)\}$/.exec(value)?.[1];
      return place === undefined ? value : (this.#query[Number(place)]?.[1] ?? value);
    });
  }
}

const longestFirst = (texts: readonly string[]): string[] =>
  [...new Set(texts)].filter((text) => text.length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length);

/** Every text and number in a value, however deep. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value, ...value.split(/[\s"'<>&=,:;{}[\]]+/)];
  if (typeof value === 'number' || value instanceof ExactNumber) return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The texts and numbers in a body that are secrets by their names: an API may repeat what it was sent in an error. */
function secretsIn(value: unknown, name = ''): string[] {
  if (typeof value === 'string' || typeof value === 'number' || value instanceof ExactNumber) {
    return /pass|pwd|pin|secret|token|key|auth|cred/i.test(name) ? [String(value)] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const named = Array.isArray(value) ? value.map((item) => [name, item] as const) : Object.entries(value);
  return named.flatMap(([itemName, item]) => secretsIn(item, itemName));
}
