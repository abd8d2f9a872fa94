import type { EndpointConfig } from '@tributary/shared';
import { basicOfUrl } from './basic.js';

/** Shorter values are no secrets, and would be found in many texts by chance. */
const MIN_SECRET_LENGTH = 4;
const MOST_SECRETS = 1_000;
const CONCEALED = '{configured}';

/**
 * The values of an endpoint's settings that must not be shown or stored: header values, query values, credentials in its
 * URL, and those that its kind of auth adds. An API may send any of them back, in an error page or in the URL of its next page.
 */
export class Secrets {
  #texts: readonly string[] = [];
  readonly #query: readonly (readonly [string, string])[];

  constructor({ url: text, query, headers, tls }: EndpointConfig) {
    const url = new URL(text);
    this.#query = [...url.searchParams, ...Object.entries(query)];
    const credentials = [url.username, url.password, basicOfUrl(url), tls?.key, tls?.passphrase];
    this.add(...Object.values(headers), ...this.#query.map(([, value]) => value));
    this.add(...credentials.filter((value) => value !== undefined));
  }

  /** Adds more of them, such as a token. */
  add(...values: string[]): void {
    // Of "Bearer abc" the token alone is a secret too.
    const parts = values.flatMap((value) => [value, ...value.split(/\s+/), encodeURIComponent(value)]);
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

  /** A URL without the configured query values, so that it can be stored; {@link reveal} puts them back. */
  withhold(url: URL): string {
    const kept = new URL(url);
    for (const [name, value] of this.#query) {
      if (kept.searchParams.get(name) === value) kept.searchParams.set(name, CONCEALED);
    }
    return kept.href;
  }

  /** The reverse of {@link withhold}; undefined if the text is not a URL. */
  reveal(kept: string): URL | undefined {
    if (!URL.canParse(kept)) return undefined;
    const url = new URL(kept);
    for (const [name, value] of this.#query) {
      if (url.searchParams.get(name) === CONCEALED) url.searchParams.set(name, value);
    }
    return url;
  }
}
