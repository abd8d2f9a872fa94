import { type Telemetry, traced } from '@tributary/shared';
import type { ClientOptions } from './client.js';
import { fetchAnswer } from './fetch.js';

/** How an API names the trace of its own in an answer: W3C Trace Context, level 1 and the draft of level 2. */
const OF_THE_API = ['traceresponse', 'traceparent'] as const;

/** Sends each request within a span, which links to the trace that the API names in its answer. Of the address only the server is told. */
export function tracedExchange(telemetry: Telemetry): NonNullable<ClientOptions['exchange']> {
  return async (request, options) => {
    const { protocol, hostname, port } = new URL(request.address.origin);
    const attributes = {
      'http.request.method': request.method,
      'server.address': hostname,
      'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
      'url.scheme': protocol.slice(0, -1),
    };
    return await traced(
      telemetry,
      request.method,
      () => ({ kind: 'client', attributes }),
      async (span) => {
        const answer = await fetchAnswer(request, options);
        span?.set({ 'http.response.status_code': answer.status });
        if (answer.status >= 400) span?.fail(answer.status);
        for (const name of OF_THE_API) {
          const named = answer.headers[name];
          if (named !== undefined) span?.link(named);
        }
        return answer;
      },
    );
  };
}
