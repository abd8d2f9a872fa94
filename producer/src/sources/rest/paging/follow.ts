import { FatalError, RetryableError, redactUrl } from '@tributary/shared';
import { type HttpRequest, withUrl } from '../request.js';

/**
 * The request for the next page, whose URL the API gives. It must be on the same server: credentials would be sent to
 * another one, and an API could make us reach servers inside our network.
 *
 * @param where where the URL was found, for a person
 * @throws RetryableError if it is not a URL
 * @throws FatalError if it leads to another server
 */
export function follow(current: HttpRequest, target: string, where: string): HttpRequest {
  const next = URL.canParse(target, current.url.href) ? new URL(target, current.url) : undefined;
  if (next === undefined) {
    throw new RetryableError('next_page_invalid', `${where} should hold the next page's URL, but holds no URL`);
  }
  if (next.origin !== current.url.origin) {
    throw new FatalError(
      'next_page_elsewhere',
      `${where} leads to another server, ${redactUrl(next.href)}; it is not followed there. If that is the API's real address, put it into the endpoint's url`,
    );
  }
  next.username = '';
  next.password = '';
  next.hash = '';
  return withUrl(current, next);
}
