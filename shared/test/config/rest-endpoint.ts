import type { EndpointConfig } from '@tributary/shared';

/** An endpoint that reads a REST API, so that a test may look at the settings that only these have. */
export function restOf(endpoint: EndpointConfig | undefined) {
  if (endpoint?.source !== 'rest') throw new Error('the endpoint is no REST API');
  return endpoint;
}
