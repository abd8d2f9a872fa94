import { FatalError, RetryableError, redactUrl } from '@tributary/shared';
import type { Address } from '../request/address.js';

/**
 * The address that the API names as the next page's. An API that sends us to another server would have our credentials sent
 * there, and could reach into our network. One behind a proxy that ends TLS may not know that it is asked over https, and
 * name http: the same host is asked over https all the same.
 *
 * @param where where the URL stood, for a person
 * @throws RetryableError if it is no URL
 * @throws FatalError if it leads to another server
 */
export function follow(current: Address, target: string, where: string): Address {
  const next = current.resolve(target);
  if (next === undefined) {
    if (URL.canParse(target, current.href)) throw elsewhere(where, target, current);
    throw new RetryableError('next_page_invalid', `${where} should hold the next page's URL, but holds no URL`);
  }
  if (next.origin === current.origin) return next;
  const overHttps =
    current.isHttps && !next.isHttps && next.hostname === current.hostname ? next.overHttps() : undefined;
  if (overHttps?.origin === current.origin) return overHttps;
  throw elsewhere(where, target, current);
}

const elsewhere = (where: string, target: string, current: Address): FatalError =>
  new FatalError(
    'next_page_elsewhere',
    `${where} leads to another server, ${redactUrl(new URL(target, current.href).href)}; it is not followed there. If that is the API's real address, put it into the endpoint's url`,
  );
