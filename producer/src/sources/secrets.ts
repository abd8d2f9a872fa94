import type { EndpointConfig } from '@tributary/shared';

/** Shorter values would be found in every other text, and are no secrets. */
const MIN_SECRET_LENGTH = 4;
const CONCEALED = '{configured}';

/**
 * What an endpoint's settings hold that is not to be shown or kept: header values, query values, credentials in its URL.
 * An API may send any of it back, in an error page or in the URL of its next page.
 */
export class Secrets {
  readonly #texts: readonly string[];
  readonly #query: readonly (readonly [string, string])[];

  /** @param authorization the header made of the URL's credentials, if there is one */
  constructor({ url, query, headers }: EndpointConfig, authorization = '') {
    const { searchParams, username, password } = new URL(url);
    this.#query = [...searchParams, ...Object.entries(query)];
    const credentials = [username, password, authorization];
    const values = [...Object.values(headers), ...this.#query.map(([, value]) => value), ...credentials];
    // "Bearer abc": the token is a secret by itself too.
    const parts = values.flatMap((value) => [value, ...value.split(/\s+/), encodeURIComponent(value)]);
    this.#texts = [...new Set(parts)]
      .filter((text) => text.length >= MIN_SECRET_LENGTH)
      .sort((a, b) => b.length - a.length);
  }

  /** A text without them. */
  conceal(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text);
  }

  /** A URL without the configured query values, fit to be kept; {@link reveal} puts them back. */
  withhold(url: URL): string {
    const kept = new URL(url);
    for (const [name, value] of this.#query) {
      if (kept.searchParams.get(name) === value) kept.searchParams.set(name, CONCEALED);
    }
    return kept.href;
  }

  /** The reverse of {@link withhold}; undefined if it is no URL. */
  reveal(kept: string): URL | undefined {
    if (!URL.canParse(kept)) return undefined;
    const url = new URL(kept);
    for (const [name, value] of this.#query) {
      if (url.searchParams.get(name) === CONCEALED) url.searchParams.set(name, value);
    }
    return url;
  }
}
