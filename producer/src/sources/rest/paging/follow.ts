import { FatalError, RetryableError, redactUrl } from '@tributary/shared';
import { type HttpRequest, withUrl } from '../request.js';

/**
 * The request for a URL that the API names as the next page's. An API that sends us to another server would have our
 * credentials sent there, and could reach into our network.
 *
 * @param where where the URL stood, for a person
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
