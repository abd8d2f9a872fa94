import { FatalError, redactUrl } from '@tributary/shared';

/** What may not stand in a URL as it is (RFC 3986, section 2); everything else is sent as it was written. */
const UNSENDABLE = /[^\x21\x23-\x3b\x3d\x3f-\x7e]+/g;

const encode = (text: string): string => text.toWellFormed().replaceAll(UNSENDABLE, encodeURIComponent);

/** A value as it is written into a URL's path or query. */
export const encodeForUrl = (value: string): string => encodeURIComponent(value.toWellFormed());

/** Names such as `$filter` stay readable; an API may compare them as text. */
const encodeName = (name: string): string => encodeForUrl(name).replaceAll('%24', '$').replaceAll('%40', '@');

/** A name or a value as it was before it was written into a query; as it stands there if it is written wrongly. */
function decodePart(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const nameIn = (entry: string): string => decodePart(entry.split('=', 1)[0] ?? '');
const valueIn = (entry: string): string => decodePart(entry.slice(entry.indexOf('=') + 1 || entry.length));

/**
 * An http or https URL without credentials and fragment. Its query is kept as text: an API may ask for
 * `?$filter=Status%20eq%20'open'`, and would not know it again in the form that a URL library gives it. It is never changed:
 * what differs is a new address.
 */
export class Address {
  /** Such as `https://api.example.org:8443`. */
  readonly origin: string;
  /** Host and port, as limits name them. */
  readonly host: string;
  readonly #pathname: string;
  readonly #query: string;

  private constructor(url: URL, query: string) {
    this.origin = url.origin;
    this.host = url.host;
    this.#pathname = url.pathname;
    this.#query = query;
  }

  /** @returns undefined if the text is no http or https URL */
  static parse(text: string): Address | undefined {
    return URL.canParse(text) ? Address.#of(new URL(text), text) : undefined;
  }

  static #of(url: URL, text: string): Address | undefined {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
    return new Address(url, encode(/^[^#?]*\?([^#]*)/.exec(text.trim())?.[1] ?? ''));
  }

  /** The address that a reference leads to from here (RFC 3986, section 5). @returns undefined if it leads to none */
  resolve(reference: string): Address | undefined {
    if (!URL.canParse(reference, this.href)) return undefined;
    const url = new URL(reference, this.href);
    // A reference that is only a fragment, or empty, keeps the query.
    return Address.#of(url, /^\s*(#|$)/.test(reference) ? this.href : reference);
  }

  /** The same place over https. */
  overHttps(): Address {
    const url = new URL(this.origin + this.#pathname);
    url.protocol = 'https:';
    return new Address(url, this.#query);
  }

  /** Path and query as they are sent. */
  get path(): string {
    return this.#query === '' ? this.#pathname : `${this.#pathname}?${this.#query}`;
  }

  get href(): string {
    return this.origin + this.path;
  }

  get hostname(): string {
    return new URL(this.origin).hostname;
  }

  get isHttps(): boolean {
    return this.origin.startsWith('https:');
  }

  /** The entries of the query, decoded. */
  get entries(): readonly (readonly [name: string, value: string])[] {
    return this.#parts().map((entry) => [nameIn(entry), valueIn(entry)]);
  }

  /** The value of a query parameter, decoded; null if there is none of this name. */
  parameter(name: string): string | null {
    return this.entries.find(([known]) => known === name)?.[1] ?? null;
  }

  /** With these query parameters: in the place of one of the same name, or behind the others. */
  with(parameters: Readonly<Record<string, string | number>>): Address {
    let parts = this.#parts();
    for (const [name, value] of Object.entries(parameters)) {
      const entry = `${encodeName(name)}=${encodeForUrl(String(value))}`;
      const place = parts.findIndex((known) => nameIn(known) === name);
      if (place < 0) parts = [...parts, entry];
      else parts = parts.filter((known, index) => index <= place || nameIn(known) !== name).with(place, entry);
    }
    return this.#withQuery(parts.join('&'));
  }

  /** With each value of the query as a function gives it; those that stay the same keep their text. */
  mapValues(map: (name: string, value: string) => string): Address {
    const parts = this.#parts().map((entry) => {
      const [name, value] = [nameIn(entry), valueIn(entry)];
      const mapped = map(name, value);
      return mapped === value ? entry : `${entry.split('=', 1)[0]}=${encodeForUrl(mapped)}`;
    });
    return this.#withQuery(parts.join('&'));
  }

  /** Without the entries of the query for which this holds. */
  without(isOut: (name: string, value: string) => boolean): Address {
    const parts = this.#parts().filter((entry) => !isOut(nameIn(entry), valueIn(entry)));
    return parts.length === this.#parts().length ? this : this.#withQuery(parts.join('&'));
  }

  #parts(): string[] {
    return this.#query === '' ? [] : this.#query.split('&');
  }

  #withQuery(query: string): Address {
    return new Address(new URL(this.origin + this.#pathname), query);
  }
}

/** The address of a URL that was checked with the settings. */
export function addressOf(url: string): Address {
  const address = Address.parse(url);
  if (address === undefined) throw new FatalError('url_invalid', `${redactUrl(url)} is no http or https URL`);
  return address;
}
