import type { Address } from './address.js';

/** One HTTP request. It is never changed: what differs from page to page is a new request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly address: Address;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** The request with these query parameters. */
export const withParameters = (
  request: HttpRequest,
  parameters: Readonly<Record<string, string | number>>,
): HttpRequest => ({ ...request, address: request.address.with(parameters) });

/** The request with one more header. @param name in lower case */
export const withHeader = (request: HttpRequest, name: string, value: string): HttpRequest => ({
  ...request,
  headers: { ...request.headers, [name]: value },
});
