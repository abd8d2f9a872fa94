import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BAD_RECORDS, GOOD_RECORDS, THING_FIELDS } from './hostile-records.js';
import type { Stage } from './stage.js';

/** Each stands where an API wants its credentials, and must be seen by the API alone. */
export const SECRETS = { header: 'header-secret-7d1f', query: 'query-secret-93ac', password: 'url-password-51be' };

/** What must be said of the endpoints that cannot be polled. */
export const FAILURES = {
  html: 'body_html',
  truncated: 'body_not_json',
  empty: 'body_not_json',
  'wrong-path': 'items_not_a_list',
  forbidden: 'http_403',
  circles: 'paging_loops',
  silent: 'timeout',
} as const;

/** The endpoints of the pipeline, each a path of the API. */
export const ENDPOINTS = [
  'things',
  'parts',
  'repeats',
  'flaky',
  ...(Object.keys(FAILURES) as (keyof typeof FAILURES)[]),
];

export interface HostileApi {
  readonly url: string;
  /** How many requests of each path there were. */
  readonly requests: ReadonlyMap<string, number>;
}

/** An HTTP server that sends everything it should not. */
export async function startHostileApi(stage: Stage): Promise<HostileApi> {
  const requests = new Map<string, number>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const count = (requests.get(pathname) ?? 0) + 1;
    requests.set(pathname, count);
    const cursor = searchParams.get('cursor');
    const reply = REPLIES[pathname]?.({ echo: echoOf(request), cursor, count });
    // Nothing at all: the client has to hang up.
    if (reply === undefined) return;
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' });
    response.end(reply.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.atEnd('the hostile API', () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** What an API says that tells everybody what it was asked with. */
function echoOf({ url, headers }: IncomingMessage): string {
  return `${url} ${JSON.stringify(headers)} ${atob((headers.authorization ?? '').replace('Basic ', ''))}`;
}

interface Asked {
  readonly echo: string;
  readonly cursor: string | null;
  /** Which request of this path it is, from 1. */
  readonly count: number;
}

type Reply = { readonly body: string; readonly status?: number } | undefined;

const page = (records: readonly string[], next: string | null = null): Reply => ({
  body: `{"data":[${records.join(',')}],"next":${JSON.stringify(next)}}`,
});
const record = (id: string, more: object = {}): string => JSON.stringify({ id, ...more });
const texts = (records: readonly { readonly json: string }[]): string[] => records.map(({ json }) => json);

/** Keys of parts, which the lines of things point at. */
const PARTS = ['a/b', 'a%2Fb', '__proto__', 'constructor'];

const REPLIES: Readonly<Record<string, (asked: Asked) => Reply>> = {
  '/things': ({ cursor }) =>
    cursor === null
      ? page([...texts(BAD_RECORDS.slice(0, 10)), ...texts(GOOD_RECORDS)], 'more')
      : page(texts(BAD_RECORDS.slice(10))),
  '/parts': () => page(PARTS.map((id) => record(id, { label: `=${id}` }))),
  '/repeats': () => page(['A', 'B', 'B', 'A'].map((title) => record('same', { title }))),
  '/html': ({ echo }) => ({ body: `<!doctype html><title>Please sign in</title>${echo}` }),
  '/truncated': ({ echo }) => ({ body: `{"echo":${JSON.stringify(echo)},"data":[{"id":"torn"},{"id":` }),
  '/empty': () => ({ body: '' }),
  '/wrong-path': ({ echo }) => ({ body: `{"records":[{"id":"elsewhere"}],"echo":${JSON.stringify(echo)}}` }),
  '/forbidden': ({ echo }) => ({ body: `you sent ${echo}`, status: 403 }),
  '/flaky': ({ echo, count }) => (count <= 2 ? { body: `down: ${echo}`, status: 500 } : page([record('flaky')])),
  '/circles': ({ cursor }) => page([record(`circles-${cursor}`)], 'again'),
  '/silent': () => undefined,
};

/** The pipeline that polls it. Its secrets come from the environment. */
export function hostilePipeline(
  { url }: HostileApi,
  name: string,
  queues: { readonly thing: string; readonly part: string },
): string {
  const endpoint = (id: string) => `
  ${id}:
    url: ${url.replace('//', `//user:\${PASSWORD}@`)}/${id}
    entity: ${id === 'parts' ? 'part' : 'thing'}
    items: $.data
    headers: { x-api-key: "\${HEADER_SECRET}" }
    query: { api_key: "\${QUERY_SECRET}" }
    paging: { type: cursor, parameter: cursor, next: $.next }
    schedule: { every: 1h }
    retries: 2
    retryDelay: 20ms
    timeout: ${id === 'silent' ? '1s' : '30s'}`;
  return `name: ${name}
entities:
  thing:
    dataset: things
    queue: ${queues.thing}
    key: id
    fields: ${THING_FIELDS}
  part:
    dataset: parts
    queue: ${queues.part}
    key: id
    fields: { id: string, label: string }
endpoints:${ENDPOINTS.map(endpoint).join('')}
merges:
  thing_parts:
    each: { entity: thing, lines: lines }
    with: { entity: part, on: ref }
    columns: { thing: thing.id, ref: line.ref, note: line.note, label: part.label }
batch: { size: 10, interval: 300ms }
sink: { csv: { directory: "\${OUTPUT_DIR}" } }
`;
}
