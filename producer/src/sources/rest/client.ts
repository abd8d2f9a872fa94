import { type Clock, type EndpointConfig, redactUrl } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import type { SourceEvents } from '../port.js';
import type { Credentials } from './auth/credentials.js';
import { createCredentials } from './auth/kinds.js';
import type { Secrets } from './auth/secrets.js';
import { type Answer, fetchAnswer } from './fetch.js';
import type { Gate } from './gate.js';
import type { HttpRequest } from './request.js';

export interface ClientOptions extends Pick<SourceEvents, 'onExchange'> {
  readonly dispatcher: Dispatcher;
  readonly gate: Gate;
  readonly clock: Clock;
}

/** Sends requests to one endpoint's API: within the limits, with the endpoint's credentials, within its timeouts. */
export class Client {
  readonly #config: EndpointConfig;
  readonly #options: ClientOptions;
  readonly #credentials: Credentials;

  /** @param secrets receives the secrets of the credentials */
  constructor(config: EndpointConfig, secrets: Secrets, options: ClientOptions) {
    this.#config = config;
    this.#options = options;
    this.#credentials = createCredentials(config.auth, {
      clock: options.clock,
      onSecret: (secret) => secrets.add(secret),
    });
    secrets.add(...this.#credentials.secrets);
  }

  /**
   * Sends one request. If the answer is 401 and new credentials are possible, it is sent once more.
   * @throws as fetchAnswer does, and as credentials do
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    let answer = await this.#sendAuthorized(request, signal);
    if (answer.status === 401 && this.#credentials.refused()) answer = await this.#sendAuthorized(request, signal);
    if (answer.status !== 401) this.#credentials.accepted();
    return answer;
  }

  async #sendAuthorized(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const authorized = await this.#credentials.authorize(request, (own) => this.#exchange(own, signal));
    return await this.#exchange(authorized, signal);
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { timeout, timeouts, maxBodySize, priority } = this.#config;
    const { dispatcher, gate, clock, onExchange } = this.#options;
    const now = () => clock.now();
    return await gate.pass(request.url, priority, signal, async () => {
      const begun = now();
      const answer = await fetchAnswer(request, { dispatcher, timeout, timeouts, maxBodySize, signal, now });
      onExchange?.({
        asked: `${request.method} ${redactUrl(request.url.href)}`,
        answered: `${answer.status}, ${answer.text.length} characters`,
        milliseconds: answer.arrivedAt - begun,
      });
      return answer;
    });
  }
}
