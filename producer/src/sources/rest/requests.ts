import type { Validator } from '../../cursor/cursor.js';
import type { Endpoint } from '../../endpoint.js';
import { basic } from './auth/basic.js';
import { Secrets } from './auth/secrets.js';
import { conditionsOf } from './validators.js';

/** What is sent to an endpoint's API. */
export class Requests {
  readonly secrets: Secrets;
  readonly #since: string | undefined;
  readonly #start: URL;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ config }: Endpoint) {
    this.#since = config.incremental?.parameter;
    this.#start = new URL(config.url);
    for (const [name, value] of Object.entries(config.query)) this.#start.searchParams.set(name, value);
    const basic = basicCredentials(this.#start);
    this.secrets = new Secrets(config, basic.authorization);
    const configured = Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value]);
    this.#headers = {
      accept: config.format === 'ndjson' ? 'application/x-ndjson, application/json' : 'application/json',
      'user-agent': 'tributary',
      ...basic,
      ...Object.fromEntries(configured),
    };
    this.#start.username = '';
    this.#start.password = '';
  }

  /** The endpoint's URL with its query, before paging. */
  start(since: string | undefined): URL {
    const url = new URL(this.#start);
    if (since !== undefined && this.#since !== undefined) url.searchParams.set(this.#since, since);
    return url;
  }

  /** The headers, with the conditions of a page that was read before. */
  headers(validator: Validator | undefined): Readonly<Record<string, string>> {
    return { ...this.#headers, ...conditionsOf(validator) };
  }
}

/** `https://user:password@host` asks for HTTP's basic authentication (RFC 7617); undici leaves that to its caller. */
function basicCredentials({ username, password }: URL): { authorization?: string } {
  if (username === '' && password === '') return {};
  return { authorization: basic(decodeURIComponent(username), decodeURIComponent(password)) };
}
