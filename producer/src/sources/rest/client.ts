import type { Clock, EndpointOf } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import type { Gate } from '../gate.js';
import type { SourceEvents } from '../port.js';
import { notBeforeOf } from './answer.js';
import { userOf } from './auth/basic.js';
import type { Credentials, Send } from './auth/credentials.js';
import { createCredentials } from './auth/kinds.js';
import type { Secrets } from './auth/secrets.js';
import type { TokenStores } from './auth/token-store.js';
import type { Cookies } from './cookies.js';
import { type Answer, type FetchOptions, fetchAnswer } from './fetch.js';
import type { Pauses } from './pauses.js';
import { describeProxy, type Proxies, proxyFor } from './proxies.js';
import { isRateLimit } from './rate-limit.js';
import { MOST_REDIRECTS, redirected } from './redirect.js';
import type { Address } from './request/address.js';
import type { HttpRequest } from './request/http-request.js';

export interface ClientOptions extends Pick<SourceEvents, 'onExchange' | 'onPause' | 'onDoubt'> {
  readonly dispatcher: Dispatcher;
  /** The proxies that the dispatcher goes by; none unless given. */
  readonly proxies?: Proxies | undefined;
  readonly gate: Gate;
  readonly pauses: Pauses;
  readonly tokens: TokenStores;
  readonly clock: Clock;
  /** Sends one request; {@link fetchAnswer} unless given. What looks at an unknown API counts and remembers requests by it. */
  readonly exchange?: ((request: HttpRequest, options: FetchOptions) => Promise<Answer>) | undefined;
}

/** An answer, and the request that it answers, with its credentials. */
interface Sent {
  readonly answer: Answer;
  readonly authorized: HttpRequest;
}

/** For an exchange that only its time limit ends. */
const NEVER = new AbortController().signal;

/** Sends requests to one endpoint's API: within the limits, with the endpoint's credentials, within its timeouts. */
export class Client {
  readonly #config: EndpointOf<'rest'>;
  readonly #options: ClientOptions;
  readonly #secrets: Secrets;
  readonly #credentials: Credentials;
  /** Whose rate limits the requests count towards. */
  readonly #account: string;

  /** @param secrets receives the secrets of the credentials */
  constructor(config: EndpointOf<'rest'>, secrets: Secrets, options: ClientOptions) {
    this.#config = config;
    this.#options = options;
    this.#secrets = secrets;
    this.#account = JSON.stringify([config.auth, config.headers, userOf(config.url).authorization]);
    this.#credentials = createCredentials(config.auth, {
      clock: options.clock,
      tokens: options.tokens,
      binding: JSON.stringify(config.tls ?? {}),
      onSecret: (secret) => secrets.add(secret),
      conceal: (text) => secrets.conceal(text),
      onDoubt: (message) => options.onDoubt(secrets.concealForeign(message)),
    });
    secrets.add(...this.#credentials.secrets);
  }

  /**
   * Sends one request, and follows redirects on the same server. One whose token is refused is sent again once, if a new token
   * may be had.
   *
   * @param cookies of the run
   * @throws as fetchAnswer does, and as credentials do
   */
  async send(request: HttpRequest, cookies: Cookies, signal: AbortSignal): Promise<Answer> {
    let sent = await this.#sendAuthorized(request, cookies, signal);
    if (refusesToken(sent.answer) && this.#credentials.refused(sent.authorized)) {
      sent = await this.#sendAuthorized(request, cookies, signal);
    }
    if (!refusesToken(sent.answer)) this.#credentials.accepted(sent.authorized);
    return sent.answer;
  }

  async #sendAuthorized(request: HttpRequest, cookies: Cookies, signal: AbortSignal): Promise<Sent> {
    const send: Send = (own, toTheEnd = false) => this.#exchange(own, signal, toTheEnd ? NEVER : signal);
    let asked = request;
    for (let redirects = 0; ; redirects++) {
      const authorized = await this.#credentials.authorize(asked, { send, signal });
      const answer = await this.#exchange(cookies.give(authorized), signal);
      cookies.take(asked.address, answer.cookies, answer.arrivedAt);
      const next = redirects < MOST_REDIRECTS ? redirected(asked, answer) : undefined;
      if (next === undefined) return { answer, authorized };
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

  /**
   * @param signal ends the waits before the request is sent
   * @param abort ends the exchange itself
   */
  async #exchange(request: HttpRequest, signal: AbortSignal, abort = signal): Promise<Answer> {
    const { timeout, timeouts, maxBodySize, maxRetryAfter, priority } = this.#config;
    const {
      dispatcher,
      proxies = {},
      gate,
      pauses,
      clock,
      onExchange,
      onPause,
      exchange = fetchAnswer,
    } = this.#options;
    const account = this.#accountAt(request.address);
    const held = pauses.endOf(account);
    if (held !== undefined) onPause?.(held);
    await pauses.over(account, signal);
    const now = () => clock.now();
    const proxy = proxyFor(proxies, request.address.origin);
    const way = proxy === undefined ? undefined : describeProxy(proxy);
    return await gate.pass(request.address.host, priority, signal, async () => {
      const begun = clock.monotonic();
      const answer = await exchange(request, {
        dispatcher,
        timeout,
        timeouts,
        maxBodySize,
        signal: abort,
        way,
        now,
      });
      const notBefore = isRateLimit(answer) ? notBeforeOf(answer, maxRetryAfter) : undefined;
      if (notBefore !== undefined) pauses.hold(account, notBefore);
      onExchange?.({
        asked: `${request.method} ${this.#secrets.show(request.address)}`,
        answered: `${answer.status}, ${answer.text.length} characters`,
        milliseconds: Math.round(clock.monotonic() - begun),
      });
      return answer;
    });
  }
}

/**
 * Whether the token was refused, so that another may help: by 401, or by 403 with a `WWW-Authenticate` header (RFC 6750, section 3),
 * unless that says that the token is good for less.
 */
const refusesToken = (answer: Answer): boolean => {
  const challenge = answer.headers['www-authenticate'];
  if (answer.status !== 403) return answer.status === 401;
  return challenge !== undefined && !/insufficient_scope/.test(challenge) && !isRateLimit(answer);
};
