import { parseCookie } from 'undici';
import type { Address } from './request/address.js';
import type { HttpRequest } from './request/http-request.js';
import { withHeader } from './request/http-request.js';

/**
 * The cookies of one run: some APIs keep a session, or the server that a run is bound to, in one. They go back to the
 * origin that gave them and to no other, whatever their domain says, and end with the run.
 */
export class Cookies {
  readonly #values = new Map<string, string>();

  /** @param lines the `Set-Cookie` headers of an answer (RFC 6265, section 4.1) */
  take(from: Address, lines: readonly string[], now: number): void {
    for (const line of lines) {
      const cookie = parseCookie(line);
      if (cookie === null) continue;
      const name = `${from.origin} ${cookie.name}`;
      const isOver = (cookie.maxAge ?? 1) <= 0 || Number(cookie.expires ?? Number.POSITIVE_INFINITY) <= now;
      if (isOver) this.#values.delete(name);
      else this.#values.set(name, cookie.value);
    }
  }

  /** The request with the cookies of its origin, beside those that the settings give. */
  give(request: HttpRequest): HttpRequest {
    const prefix = `${request.address.origin} `;
    const own = [...this.#values]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => `${name.slice(prefix.length)}=${value}`);
    if (own.length === 0) return request;
    const configured = request.headers.cookie;
    return withHeader(request, 'cookie', [...(configured === undefined ? [] : [configured]), ...own].join('; '));
  }
}
