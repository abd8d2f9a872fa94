import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { applyTopology, createLogger, DEAD_LETTER_HEADERS, topologyOf } from '@tributary/shared';
import { AmqpServer } from 'amqp-emulator';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { watched } from '../../dashboard/test/alerts/pipeline.js';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const ADMIN = 'admin-secret-1';

type JsonSchema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>;

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}
interface OperationObject {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}

describe('the API as its OpenAPI document has it', () => {
  const releases: (() => unknown)[] = [];
  let dashboard: Dashboard;
  let document: OpenApi;
  let letterId = '';
  let silenceId = '';
  /** Operations that were asked and answered as the document says. */
  const asked = new Set<string>();

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'openapi-'));
    releases.push(() => rm(folder, { recursive: true }));
    const { alerts, exports } = watched(`
  rules: { fresh: { when: freshness, olderThan: 7d } }
  channels: { hook: { type: webhook, url: "http://127.0.0.1:1/alerts" } }
exports:
  everything: { dataset: customers, format: csv, to: ${JSON.stringify(join(folder, 'exports'))} }
`);
    const config = { ...sampleConfig(folder), alerts, exports };
    await writeFile(join(folder, 'pipeline.yaml'), 'name: sample\n');
    await writePart(folder, [
      { key: 'a', at: 1, values: { note: 'red', lines: [{ sku: 'S', quantity: 1 }] } },
      { key: 'b', at: 2, values: { note: 'red', spent: 2.5 } },
      { key: 'a', at: 3, values: { note: 'blue', active: true } },
      { key: 'b', at: 4, deleted: true },
    ]);
    const broker = new AmqpServer();
    const { url } = await broker.listen(0, '127.0.0.1');
    releases.push(() => broker.close());
    const connection = await connect(url);
    releases.push(() => connection.close());
    const channel = await connection.createConfirmChannel();
    await applyTopology(channel, topologyOf(config));
    for (let index = 0; index < 4; index++) {
      const headers = {
        [DEAD_LETTER_HEADERS.code]: 'field_invalid',
        [DEAD_LETTER_HEADERS.reason]: 'no',
        key: 'a',
        index,
      };
      const body = Buffer.from(JSON.stringify({ id: 'a', name: index }));
      channel.publish('tributary.dead', 'customer_data', body, { headers, messageId: `m${index}` });
    }
    await channel.waitForConfirms();

    /** A producer and a mock CRM, as far as they are asked. */
    const others = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      const asked = `${request.method} ${request.url}`;
      if (asked === 'GET /admin/scenarios') {
        response.end(JSON.stringify([{ name: 'burst', title: 'Much at once', description: 'count: how much' }]));
        return;
      }
      if (asked === 'POST /endpoints/crm/try?limit=5') {
        response.end(JSON.stringify({ text: 'GET /customers -> 200', bad: 0, error: null }));
        return;
      }
      const isEndpoints = asked === 'GET /endpoints';
      const endpoint = { endpoint: 'crm', state: 'failing', failures: 2, nextRun: '2026-01-05T10:00:00.000Z' };
      const lastRun = { endedAt: '2026-01-05T09:00:00.000Z', error: 'HTTP 500' };
      response.end(isEndpoints ? JSON.stringify([{ ...endpoint, lastRun }]) : '{"problems":[]}');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => others.once('listening', resolve));
    releases.push(() => others.close());
    const other = `http://127.0.0.1:${(others.address() as AddressInfo).port}`;

    dashboard = createDashboard({
      config,
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      amqpUrl: url,
      tokens: { admin: ADMIN },
      auditLog: join(folder, 'audit.jsonl'),
      producerToken: 'producer-token',
      services: () => ({ producers: [other], consumers: [] }),
      mockApi: () => other,
      source: { file: join(folder, 'pipeline.yaml'), env: {} },
      discover: async (input) => ({
        text: `# ${input}`,
        endpoints: [
          {
            id: 'orders',
            columns: [{ name: 'id', type: 'integer', full: '100 %' }],
            rows: [['1']],
            bad: 0,
            reason: null,
          },
        ],
        notes: [],
        secrets: [],
        requests: [{ asked: 'GET /orders', answered: '200', milliseconds: 1 }],
      }),
    });
    await dashboard.start();
    releases.push(() => dashboard.stop());
    document = (await (await fetch(`${dashboard.url}/api/openapi.json`)).json()) as OpenApi;
    await vi.waitFor(async () => expect((await fetch(`${dashboard.url}/api/dead-letters`)).status).toBe(200), 30_000);
    const page = (await (await fetch(`${dashboard.url}/api/dead-letters`)).json()) as { letters: { id: string }[] };
    letterId = page.letters[0]?.id ?? '';
  });
  afterAll(async () => {
    for (const release of releases.reverse()) await release();
  });

  it('is OpenAPI 3.1, and each of its parameters in a path is one', () => {
    expect(document.openapi).toBe('3.1.0');
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((one) => one.in === 'path').map((one) => one.name)).toEqual(inPath);
      }
    }
  });

  it.each([
    ['GET', '/session', '/session'],
    ['POST', '/session', '/session', { token: ADMIN }],
    ['DELETE', '/session', '/session'],
    ['GET', '/pipeline', '/pipeline'],
    ['GET', '/flow', '/flow'],
    ['GET', '/flow/history', '/flow/history'],
    ['GET', '/datasets', '/datasets'],
    ['GET', '/datasets/{name}', '/datasets/customers'],
    ['GET', '/datasets/{name}/rows', '/datasets/customers/rows?view=history&search=a&where=note:filled&sort=-note'],
    ['GET', '/datasets/{name}/facets', '/datasets/customers/facets?view=history'],
    ['GET', '/datasets/{name}/parts/{part}', '/datasets/customers/parts/part-one-1.csv'],
    ['GET', '/datasets/{name}.csv', '/datasets/customers.csv?where=note:is:blue'],
    ['GET', '/datasets/{name}.ndjson', '/datasets/customers.ndjson'],
    ['GET', '/trace', '/trace?dataset=customers&key=a'],
    ['GET', '/dead-letters', '/dead-letters?code=field_invalid'],
    ['GET', '/dead-letters/{id}', '/dead-letters/LETTER'],
    ['POST', '/dead-letters/validate', '/dead-letters/validate', { entity: 'customer', payload: '{"id":"a"}' }],
    ['POST', '/dead-letters/{id}/discard', '/dead-letters/LETTER/discard', { reason: 'a test' }],
    ['GET', '/endpoints/{id}', '/endpoints/crm'],
    ['POST', '/endpoints/{id}/reset', '/endpoints/crm/reset', {}],
    ['POST', '/endpoints/{id}/{command}', '/endpoints/crm/run', {}],
    ['POST', '/discover', '/discover', { input: 'https://api.example.org/orders' }],
    ['GET', '/scenarios', '/scenarios'],
    ['POST', '/scenarios/{name}', '/scenarios/burst', {}],
    ['POST', '/dead-letters/replay', '/dead-letters/replay', { match: { search: 'no such words' } }],
    [
      'POST',
      '/dead-letters/mend/preview',
      '/dead-letters/mend/preview',
      { match: { queue: 'customer_data', search: 'no such words' }, set: { name: "'a'" } },
    ],
    [
      'POST',
      '/dead-letters/mend',
      '/dead-letters/mend',
      { match: { queue: 'customer_data', search: 'no such words' }, set: { name: "'a'" } },
    ],
    ['POST', '/dead-letters/definition', '/dead-letters/definition', { match: { queue: 'customer_data' } }],
    ['POST', '/dead-letters/discard', '/dead-letters/discard', { match: {}, reason: 'all of the test' }],
    ['GET', '/alerts', '/alerts'],
    ['POST', '/alerts/silences', '/alerts/silences', { rule: 'fresh', minutes: 5, why: 'a test of it' }],
    ['DELETE', '/alerts/silences/{id}', '/alerts/silences/SILENCE'],
    ['POST', '/alerts/channels/{channel}/test', '/alerts/channels/hook/test', {}],
    ['GET', '/configuration', '/configuration'],
    ['POST', '/configuration/check', '/configuration/check', { text: 'name: sample' }],
    ['POST', '/configuration/endpoints/{id}/try', '/configuration/endpoints/crm/try', {}],
    ['GET', '/datasets/{name}/profile', '/datasets/customers/profile'],
    ['GET', '/datasets/{name}/chart', '/datasets/customers/chart?chart=line&x=updatedAt&y=spent&by=note'],
    ['GET', '/endpoints/{id}/log', '/endpoints/crm/log'],
    ['GET', '/sql', '/sql'],
    ['POST', '/sql', '/sql', { query: 'select 1 as one' }],
    ['GET', '/sql.csv', '/sql.csv?query=select%201'],
    ['GET', '/sql.ndjson', '/sql.ndjson?query=select%201'],
    ['GET', '/sql.json', '/sql.json?query=select%201'],
    ['GET', '/sql.parquet', '/sql.parquet?query=select%201'],
    ['POST', '/sql/queries', '/sql/queries', { name: 'one', query: 'select 1' }],
    ['DELETE', '/sql/queries/{name}', '/sql/queries/one'],
    ['GET', '/exports', '/exports'],
    ['POST', '/exports/{export}/run', '/exports/everything/run', {}],
    ['GET', '/audit', '/audit'],
    ['GET', '/audit/actions', '/audit/actions?outcome=done'],
    ['GET', '/audit.csv', '/audit.csv'],
    ['GET', '/audit.ndjson', '/audit.ndjson'],
  ] as [string, string, string, object?][])('answers %s %s as it says', async (method, path, example, body) => {
    const { response, schema } = await call(method, path, example, body);
    if (schema === undefined) expect(await response.text()).not.toBe('null');
    else {
      const answered = z.fromJSONSchema(schema).parse(await response.json());
      if (path === '/alerts/silences') silenceId = (answered as { id: string }).id;
    }
    asked.add(`${method} ${path}`);
  });

  it('answers a single replay and the live stream as it says', async () => {
    const gone = await fetch(`${dashboard.url}/api/dead-letters/${letterId}/replay`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(gone.status).toBe(404);
    z.fromJSONSchema(document.components.schemas.Failure ?? {}).parse(await gone.json());
    asked.add('POST /dead-letters/{id}/replay');

    const stream = await fetch(`${dashboard.url}/api/live`);
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const schema = document.paths['/api/flow']?.get?.responses['200']?.content?.['application/json']?.schema ?? {};
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of stream.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (/event: flow\ndata: .*\n\n/.test(text)) break;
    }
    z.fromJSONSchema(schema).parse(JSON.parse(/event: flow\ndata: (.*)\n\n/.exec(text)?.[1] ?? ''));
    expect(text).toContain('"problem":"the last 2 polls failed: HTTP 500"');
    asked.add('GET /live');
  });

  it('has every operation of it tried above', () => {
    const known = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api', '')}`),
    );
    expect([...asked].sort()).toEqual(known.sort());
  });

  it.each(['/nothing', '/datasets/nope', '/datasets/customers/rows?limit=x', '/trace', '/dead-letters/nope'])(
    'says what is wrong with %s in the form that it says',
    async (path) => {
      const response = await fetch(`${dashboard.url}/api${path}`);
      expect(response.status).toBeGreaterThanOrEqual(400);
      z.fromJSONSchema(document.components.schemas.Failure ?? {}).parse(await response.json());
    },
  );

  async function call(method: string, path: string, example: string, body?: object) {
    const operation = document.paths[`/api${path}`]?.[method.toLowerCase()];
    const [status = '200', answer] =
      Object.entries(operation?.responses ?? {}).find(([code]) => code !== 'default') ?? [];
    const response = await fetch(
      `${dashboard.url}/api${example.replace('LETTER', letterId).replace('SILENCE', silenceId)}`,
      {
        method,
        headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
    );
    expect([response.status, response.ok ? '' : await response.text()]).toEqual([Number(status), '']);
    const [type, content] = Object.entries(answer?.content ?? {})[0] ?? [];
    if (type !== undefined) expect(response.headers.get('content-type')).toContain(type);
    return { response, schema: type === 'application/json' ? content?.schema : undefined };
  }
});
