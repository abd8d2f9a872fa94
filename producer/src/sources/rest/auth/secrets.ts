import { type EndpointConfig, ExactNumber } from '@tributary/shared';
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

  constructor({ url, query, headers, body, form, graphql, tls }: EndpointConfig) {
    const { user, password, authorization } = userOf(url);
    this.#query = [...(Address.parse(url)?.entries ?? []), ...Object.entries(query)];
    this.add(...Object.values(headers), ...this.#query.map(([, value]) => value), ...secretsIn([body, form, graphql]));
    this.add(...[user, password, authorization, tls?.key, tls?.passphrase].filter((value) => value !== undefined));
  }

  /** Adds more of them, such as a token. */
  add(...values: string[]): void {
    // Of "Bearer abc" the token alone is a secret too. An API may send it back as it was sent: encoded, or within JSON.
    const parts = values.flatMap((value) => [value, ...value.split(/\s+/)]).flatMap(formsOf);
    this.#texts = [...new Set([...this.#texts, ...parts])]
      .filter((text) => text.length >= MIN_SECRET_LENGTH)
      .sort((a, b) => b.length - a.length)
      // Tokens come and go; an API no longer sends back those that expired long ago.
      .slice(0, MOST_SECRETS);
  }

  /** The text with every secret replaced. */
  conceal(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text);
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
   * A URL without the configured query values, fit to be kept; {@link reveal} puts them back. Other secrets in the query, such
   * as a key that the API repeats in the URL of its next page, are left out: credentials are added anew to each request.
   */
  withhold(address: Address): string {
    return address
      .without((_name, value) => !this.#query.some(([, known]) => known === value) && this.#texts.includes(value))
      .mapValues((name, value) => {
        const place = this.#query.findIndex(([known, configured]) => known === name && configured === value);
        return place < 0 ? value : `{configured:${place}}`;
      }).href;
  }

  /** The reverse of {@link withhold}; undefined if it is no URL. */
  reveal(kept: string): Address | undefined {
    return Address.parse(kept)?.mapValues((_name, value) => {
      const place = /^\{configured:(\d+)\}$/.exec(value)?.[1];
      return place === undefined ? value : (this.#query[Number(place)]?.[1] ?? value);
    });
  }
}

/** A value as it is written in a URL, in a form, and in JSON. */
const formsOf = (value: string): string[] => {
  const plain = value.toWellFormed();
  return [
    value,
    encodeURIComponent(plain),
    new URLSearchParams({ '': plain }).toString().slice(1),
    JSON.stringify(plain).slice(1, -1),
  ];
};

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
