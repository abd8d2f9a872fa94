/** One HTTP request. It is never changed: what differs from page to page is a new request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** The request for another URL. */
export const withUrl = (request: HttpRequest, url: URL): HttpRequest => ({ ...request, url });

/** The request with these query parameters set. */
export function withParameters(
  request: HttpRequest,
  parameters: Readonly<Record<string, string | number>>,
): HttpRequest {
  const url = new URL(request.url);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  return withUrl(request, url);
}

/** The value of a query parameter; null if the request has none of this name. */
export const parameterOf = ({ url }: HttpRequest, name: string): string | null => url.searchParams.get(name);

/** Equal for requests that ask for the same page. */
export const identityOf = ({ url, body }: HttpRequest): string =>
  body === undefined ? url.href : `${url.href} ${body}`;
