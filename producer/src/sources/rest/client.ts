import { type Clock, type EndpointConfig, redactUrl } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import type { SourceEvents } from '../port.js';
import { notBeforeOf } from './answer.js';
import { userOf } from './auth/basic.js';
import type { Credentials } from './auth/credentials.js';
import { createCredentials } from './auth/kinds.js';
import type { Secrets } from './auth/secrets.js';
import type { Cookies } from './cookies.js';
import { type Answer, fetchAnswer } from './fetch.js';
import type { Gate } from './gate.js';
import type { Pauses } from './pauses.js';
import { describeProxy, type Proxies, proxyFor } from './proxies.js';
import { isRateLimit } from './rate-limit.js';
import { MOST_REDIRECTS, redirected } from './redirect.js';
import type { Address } from './request/address.js';
import type { HttpRequest } from './request/http-request.js';

export interface ClientOptions extends Pick<SourceEvents, 'onExchange' | 'onPause'> {
  readonly dispatcher: Dispatcher;
  /** The proxies that the dispatcher goes by; none unless given. */
  readonly proxies?: Proxies | undefined;
  readonly gate: Gate;
  readonly pauses: Pauses;
  readonly clock: Clock;
}

/** Sends requests to one endpoint's API: within the limits, with the endpoint's credentials, within its timeouts. */
export class Client {
  readonly #config: EndpointConfig;
  readonly #options: ClientOptions;
  readonly #credentials: Credentials;
  /** Whose rate limits the requests count towards. */
  readonly #account: string;

  /** @param secrets receives the secrets of the credentials */
  constructor(config: EndpointConfig, secrets: Secrets, options: ClientOptions) {
    this.#config = config;
    this.#options = options;
    this.#account = JSON.stringify([config.auth, config.headers, userOf(config.url).authorization]);
    this.#credentials = createCredentials(config.auth, {
      clock: options.clock,
      onSecret: (secret) => secrets.add(secret),
    });
    secrets.add(...this.#credentials.secrets);
  }

  /**
   * Sends one request, and follows redirects on the same server. One that is answered with 401 is sent again once, if a new
   * token may be had.
   *
   * @param cookies of the run
   * @throws as fetchAnswer does, and as credentials do
   */
  async send(request: HttpRequest, cookies: Cookies, signal: AbortSignal): Promise<Answer> {
    let answer = await this.#sendAuthorized(request, cookies, signal);
    if (answer.status === 401 && this.#credentials.refused()) {
      answer = await this.#sendAuthorized(request, cookies, signal);
    }
    if (answer.status !== 401) this.#credentials.accepted();
    return answer;
  }

  async #sendAuthorized(request: HttpRequest, cookies: Cookies, signal: AbortSignal): Promise<Answer> {
    let asked = request;
    for (let redirects = 0; ; redirects++) {
      const authorized = await this.#credentials.authorize(asked, (own) => this.#exchange(own, signal));
      const answer = await this.#exchange(cookies.give(authorized), signal);
      cookies.take(asked.address, answer.cookies, answer.arrivedAt);
      const next = redirects < MOST_REDIRECTS ? redirected(asked, answer) : undefined;
      if (next === undefined) return answer;
      asked = next;
    }
  }

  /** Until when the API asks not to be asked with these credentials, in milliseconds since the epoch; undefined if it may be. */
  heldUntil({ address }: HttpRequest): number | undefined {
    return this.#options.pauses.endOf(this.#accountAt(address));
  }

  #accountAt({ host }: Address): string {
    return `${host} ${this.#account}`;
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { timeout, timeouts, maxBodySize, maxRetryAfter, priority } = this.#config;
    const { dispatcher, proxies = {}, gate, pauses, clock, onExchange, onPause } = this.#options;
    const account = this.#accountAt(request.address);
    const held = pauses.endOf(account);
    if (held !== undefined) onPause?.(held);
    await pauses.over(account, signal);
    const now = () => clock.now();
    const proxy = proxyFor(proxies, request.address.origin);
    const way = proxy === undefined ? undefined : describeProxy(proxy);
    return await gate.pass(request.address.host, priority, signal, async () => {
      const begun = now();
      const answer = await fetchAnswer(request, { dispatcher, timeout, timeouts, maxBodySize, signal, way, now });
      const notBefore = isRateLimit(answer) ? notBeforeOf(answer, maxRetryAfter) : undefined;
      if (notBefore !== undefined) pauses.hold(account, notBefore);
      onExchange?.({
        asked: `${request.method} ${redactUrl(request.address.href)}`,
        answered: `${answer.status}, ${answer.text.length} characters`,
        milliseconds: answer.arrivedAt - begun,
      });
      return answer;
    });
  }
}
