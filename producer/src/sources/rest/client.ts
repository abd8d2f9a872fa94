import { type Clock, type EndpointConfig, redactUrl } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import { type Credentials, createCredentials } from './auth/credentials.js';
import type { Secrets } from './auth/secrets.js';
import { type Answer, fetchAnswer } from './fetch.js';
import type { Gate } from './gate.js';

/** What became of one request, for whoever watches. */
export interface Exchange {
  readonly method: 'GET' | 'POST';
  /** Without secrets. */
  readonly url: string;
  readonly status: number;
  readonly characters: number;
  readonly milliseconds: number;
}

export interface ClientOptions {
  readonly dispatcher: Dispatcher;
  readonly gate: Gate;
  readonly clock: Clock;
  onExchange?(exchange: Exchange): void;
}

/** Asks one endpoint's API: when it is its turn, with its credentials, within its time. */
export class Client {
  readonly #config: EndpointConfig;
  readonly #options: ClientOptions;
  readonly #credentials: Credentials;
  /** Of the request that asks now: a token is asked for on its behalf. */
  #signal: AbortSignal = new AbortController().signal;

  constructor(config: EndpointConfig, secrets: Secrets, options: ClientOptions) {
    this.#config = config;
    this.#options = options;
    this.#credentials = createCredentials(config.auth, {
      clock: options.clock,
      onSecret: (secret) => secrets.add(secret),
      post: ({ url, headers, body }) => this.#exchange(url, headers, this.#signal, body),
    });
  }

  /**
   * One GET. An answer of 401 is asked again once, if a new token may be had.
   * @throws as fetchAnswer does, and as credentials do
   */
  async get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    this.#signal = signal;
    let answer = await this.#ask(url, headers, signal);
    if (answer.status === 401 && this.#credentials.refused()) answer = await this.#ask(url, headers, signal);
    if (answer.status !== 401) this.#credentials.accepted();
    return answer;
  }

  async #ask(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    const authorized = await this.#credentials.authorize(url);
    return await this.#exchange(authorized.url, { ...headers, ...authorized.headers }, signal);
  }

  async #exchange(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal, body?: string) {
    const { timeout, timeouts, maxBodySize, priority } = this.#config;
    const { dispatcher, gate, clock, onExchange } = this.#options;
    const now = () => clock.now();
    const sent = body === undefined ? {} : { body };
    return await gate.pass(url, priority, signal, async () => {
      const begun = now();
      const options = { dispatcher, headers, ...sent, timeout, timeouts, maxBodySize, signal, now };
      const answer = await fetchAnswer(url, options);
      onExchange?.({
        ...{ method: body === undefined ? 'GET' : 'POST', url: redactUrl(url.href), status: answer.status },
        ...{ characters: answer.text.length, milliseconds: answer.arrivedAt - begun },
      });
      return answer;
    });
  }
}
