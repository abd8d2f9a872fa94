import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parsePipeline, systemClock } from '@tributary/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { type GivenOptions, targetOf } from '../../src/discover/ask/input.js';
import { discover } from '../../src/discover/discover.js';
import { pipelineText } from '../../src/discover/write/document.js';
import { showRows } from '../../src/discover/write/rows.js';

interface Order {
  readonly id: string;
  readonly total: string;
  readonly customer: { readonly name: string };
  readonly updated_at: string;
}

const ORDERS: readonly Order[] = Array.from({ length: 9 }, (_, index) => ({
  id: `o-${index}`,
  total: `${index}9.90`,
  customer: { name: `n${index}` },
  updated_at: new Date(Date.UTC(2024, 4, 1, index)).toISOString(),
}));
const SIZE = 4;
/** What the pipeline file would fill from the environment and from a file. */
const FOREIGN = `\${ELSEWHERE}\${file:tsconfig.json}`;

let server: Server | undefined;
const asked: string[] = [];
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
  asked.length = 0;
});

type Answer = { status?: number; headers?: Record<string, string>; body: unknown };

async function start(answer: (query: URLSearchParams, request: IncomingMessage, url: URL) => Answer): Promise<string> {
  const started = createServer((request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    asked.push(url.search);
    const { status = 200, headers = {}, body } = answer(url.searchParams, request, url);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  server = started;
  await new Promise((resolve) => started.once('listening', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

interface Looking extends GivenOptions {
  readonly requests?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

async function look(url: string, { requests = 12, environment = {}, ...given }: Looking = {}) {
  const signal = new AbortController().signal;
  const draft = await discover({
    target: targetOf(url, given),
    env: environment,
    requests,
    clock: systemClock,
    signal,
  });
  const { text, endpoints } = pipelineText(draft, undefined, 'schema.json');
  const env = { ...environment, ...draft.secrets };
  const [id = ''] = endpoints;
  return { draft, text, env, id, config: parsePipeline(text, env, 'found.yaml') };
}

const slice = (from: number, list: readonly Order[] = ORDERS) => list.slice(from, from + SIZE);
const since = (text: string | null) => ORDERS.filter((order) => text === null || order.updated_at >= text);

describe('discover', () => {
  it('follows a cursor, finds what asks for changes, and writes a pipeline that reads the same records', async () => {
    const url = await start((query) => {
      const list = since(query.get('updated_after'));
      const from = Number(query.get('cursor') ?? 0);
      const next = from + SIZE < list.length ? String(from + SIZE) : null;
      return { body: { data: slice(from, list), meta: { next_cursor: next, has_more: next !== null } } };
    });
    const { config, text, draft, id, env } = await look(`${url}/v1/orders`, {
      header: ['Authorization: Bearer t-123'],
    });
    expect(config.endpoints.orders).toMatchObject({
      items: '$.data',
      auth: { type: 'bearer', token: 't-123' },
      paging: { type: 'cursor', next: '$.meta.next_cursor', parameter: 'cursor', while: '$.meta.has_more' },
      incremental: { parameter: 'updated_after' },
    });
    expect(config.entities.order).toMatchObject({
      key: 'id',
      version: 'updated_at',
      fields: { id: { type: 'string' }, total: { type: 'decimal' }, customer_name: { from: '$.customer.name' } },
    });
    expect(text).not.toContain('t-123');
    expect(asked.length).toBeLessThanOrEqual(12);
    const rows = showRows(text, env, 'found.yaml', new Map([[id, draft.endpoints[0]?.records ?? []]]), 80);
    expect(rows.get(id)).toMatchObject({ bad: 0, table: expect.stringContaining('o-8') });
  });

  it('counts pages from a total, by an offset that nothing names', async () => {
    const url = await start((query) => ({
      body: { total: ORDERS.length, items: slice(Number(query.get('skip') ?? 0)) },
    }));
    const { config } = await look(`${url}/orders`);
    expect(config.endpoints.orders).toMatchObject({
      paging: { type: 'offset', parameter: 'skip', total: '$.total', size: SIZE },
    });
  });

  it('counts pages by their number, from 0 where the API does', async () => {
    const url = await start((query) => ({
      body: {
        content: slice(Number(query.get('page') ?? 0) * SIZE),
        number: Number(query.get('page') ?? 0),
        totalPages: 3,
      },
    }));
    const { config } = await look(`${url}/orders`);
    expect(config.endpoints.orders).toMatchObject({
      paging: { type: 'page', parameter: 'page', first: 0, total: '$.totalPages', totalIn: 'pages' },
    });
  });

  it('asks for the details of a list of addresses', async () => {
    const url = await start((_query, _request, { pathname, origin }) => {
      const order = ORDERS.find(({ id }) => pathname.endsWith(id));
      return { body: order ?? { results: ORDERS.map(({ id }) => ({ name: id, url: `${origin}/orders/${id}` })) } };
    });
    const { config } = await look(`${url}/orders`);
    expect(config.endpoints.orders).toMatchObject({
      parent: { endpoint: 'orders-list' },
      url: '{{parent.url}}',
      as: 'single',
    });
    expect(Object.keys(config.entities)).toEqual(['order_entry', 'order']);
  });

  it('takes fields whatever their names are made of: one line break in a name made it refuse the whole API', async () => {
    const names = ['line\nbreak', 'line\r\nbreak', 'line\u2028break', '\ttab', 'a: b # c', "it's", ''];
    const strange = Object.fromEntries(names.map((name) => [name, 'text']));
    const url = await start(() => ({
      body: ORDERS.map((order) => ({ ...order, ...strange, inside: { 'line\nbreak': 'text' } })),
    }));
    const { config } = await look(`${url}/orders`);
    const from = Object.values(config.entities.order?.fields ?? {}).map((field) => field.from);
    const paths = [...names, undefined].map((name) =>
      name === undefined ? "$.inside['line\nbreak']" : `$['${name.replace("'", "\\'")}']`,
    );
    expect(from).toEqual(expect.arrayContaining(paths));
  });

  it('sends no more requests than it may', async () => {
    const url = await start((query) => ({ body: { total: 9, items: slice(Number(query.get('unusual') ?? 0)) } }));
    const { config, text } = await look(`${url}/orders`, { requests: 3 });
    expect(asked).toHaveLength(3);
    expect(config.endpoints.orders).toMatchObject({ paging: { type: 'none' } });
    expect(text).toContain('# unsure: ');
  });

  it('adds to a file that is there, and keeps what stands in it', async () => {
    const url = await start(() => ({ body: ORDERS }));
    const { draft } = await look(`${url}/orders`);
    const existing = pipelineText(draft, undefined, 'schema.json').text.replace('entities:', '# mine\nentities:');
    const { text, endpoints } = pipelineText(draft, existing, 'schema.json');
    expect(endpoints).toEqual(['orders_2']);
    expect(text).toContain('# mine\n');
    expect(Object.keys(parsePipeline(text, {}, 'both.yaml').endpoints)).toEqual(['orders', 'orders_2']);
    expect(() => pipelineText(draft, '- a list', 'schema.json')).toThrow(/nothing can be added to it/);
  });

  it.each<[string, unknown, GivenOptions?]>([
    ['the id of its last record', { has_more: true, data: [{ id: 'a' }, { id: FOREIGN }] }],
    ['the name of a parameter', { data: [{ id: 'a' }, { id: 'b' }], next_cursor: 'c9', more: `/orders?${FOREIGN}=c9` }],
    [
      'a cursor that goes into a body',
      { data: [{ id: 'a' }, { id: 'b' }], next_cursor: FOREIGN },
      { method: 'POST', body: '{"q":1}' },
    ],
    ['the names of its fields', [1, 2].map((id) => ({ id, [FOREIGN]: 'x', [`a ${FOREIGN}`]: 'y' }))],
  ])('sends an API nothing of the environment or of files that it names in %s', async (_what, body, given = {}) => {
    const sent: string[] = [];
    const url = await start((_query, request) => {
      request.on('data', (chunk: Buffer) => sent.push(chunk.toString()));
      return { body };
    });
    const { text, config } = await look(`${url}/orders`, { ...given, environment: { ELSEWHERE: 's3cret-of-others' } });
    const told = decodeURIComponent([...asked, ...sent, text].join('\n'));
    expect(told).not.toContain('s3cret-of-others');
    expect(told).not.toContain('"references"');
    expect(JSON.stringify(config)).not.toContain('s3cret-of-others');
    expect(asked.length).toBeGreaterThan(1);
  });

  it.each([
    ['a web page', { body: '<!doctype html><html></html>' }, /a web page/],
    [
      'refused credentials',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: {} },
      /asks for basic.*--auth "basic USER:PASSWORD"/,
    ],
    [
      'an error with a good status',
      { body: { ok: false, error: 'invalid_auth' } },
      /tells of an error all the same: "invalid_auth"/,
    ],
    [
      'a status of its own that tells of an error',
      { body: { status: 'error', message: 'bad key', code: 401 } },
      /tells of an error all the same: .*bad key/,
    ],
    ['an empty object', { body: {} }, /the answer is \{\}, and no records/],
    ['a list without anything', { body: [] }, /the list at \$ is empty/],
    ['an empty list', { body: { data: [], total: 0 } }, /the list at \$\.data is empty/],
    ['plain values', { body: [1, 2, 3] }, /a list of 3 plain values \(number\)/],
    [
      'a parameter that is missing',
      { status: 400, body: { message: 'start_time is required' } },
      /the API wants "start_time"/,
    ],
    ['nothing', { body: '' }, /has no body/],
    ['records that repeat', { body: [{ a: 1.5 }, { a: 2.5 }] }, /nothing tells the 2 records apart/],
  ])('says what it found, and what to do, for %s', async (_what, answer, said) => {
    const url = await start(() => answer);
    await expect(look(`${url}/orders`)).rejects.toThrow(said);
  });

  it('learns from some thousands of records, and does not ask for a page of many more again', async () => {
    const url = await start(() => ({ body: Array.from({ length: 5_001 }, (_, id) => ({ id, name: `n${id}` })) }));
    const { text, config } = await look(`${url}/orders`);
    expect(config.entities.order).toMatchObject({ key: 'id' });
    expect(text).toContain('# unsure: the answer holds more than 5000 records');
    expect(asked).toHaveLength(1);
  });
});
