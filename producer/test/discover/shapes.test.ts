import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parsePipeline, systemClock } from '@tributary/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { targetOf } from '../../src/discover/ask/input.js';
import { discover } from '../../src/discover/discover.js';
import { draftOfSample } from '../../src/discover/given/sample.js';
import { pipelineText } from '../../src/discover/write/document.js';

const many = <T>(count: number, make: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1));
const day = (number: number) => new Date(Date.UTC(2024, 4, number, 8)).toISOString();

interface Asked {
  readonly query: URLSearchParams;
  readonly path: string;
  readonly origin: string;
  /** What was sent, in JSON. */
  readonly sent: Readonly<Record<string, unknown>>;
}
type Answer = { readonly status?: number; readonly body: unknown };
type Serve = (asked: Asked) => Answer;

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

async function start(serve: Serve): Promise<string> {
  const started = createServer(async (request, response) => {
    const text = (await request.toArray()).join('');
    const origin = `http://${request.headers.host}`;
    const url = new URL(request.url ?? '', origin);
    const sent = text === '' ? {} : JSON.parse(text);
    const { status = 200, body } = serve({ query: url.searchParams, path: url.pathname, origin, sent });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  server = started;
  await new Promise((resolve) => started.once('listening', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

async function found(path: string, serve: Serve, body?: string) {
  const draft = await discover({
    target: targetOf(`${await start(serve)}${path}`, { body }),
    env: {},
    requests: 12,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  const { text } = pipelineText(draft, undefined, 'schema.json');
  const { entities, endpoints } = parsePipeline(text, draft.secrets, 'found.yaml');
  const [name = ''] = Object.keys(entities);
  return { name, entity: entities[name], endpoint: Object.values(endpoints)[0], notes: draft.notes };
}

function sampled(body: unknown, url = 'https://api.example.org/v1/things') {
  const draft = draftOfSample({ text: JSON.stringify(body), from: 'sample.json', target: targetOf(url, {}) });
  const { text } = pipelineText(draft, undefined, 'schema.json');
  const { entities, endpoints } = parsePipeline(text, {}, 'found.yaml');
  return { entity: Object.values(entities)[0], endpoint: Object.values(endpoints)[0], text };
}

/** One page of a list, and where the next begins. */
function cut<T>(list: readonly T[], from: number, size: number) {
  const next = from + size < list.length ? from + size : undefined;
  return { page: list.slice(from, from + size), next };
}
const numberOf = (query: URLSearchParams, name: string, usual: number) => Number(query.get(name) ?? usual);

describe('discover, on shapes of well-known APIs', () => {
  it('extends a SELECT of Salesforce, and names the records after its table', async () => {
    const all = many(9, (id) => ({
      attributes: { type: 'Account', url: `/sobjects/Account/${id}` },
      Id: `001${id}`,
      SystemModstamp: day(id).replace('Z', '+0000'),
    }));
    const { name, endpoint } = await found('/services/data/v59.0/query?q=SELECT+Id+FROM+Account', ({ query, path }) => {
      const since = /WHERE SystemModstamp >= (\S+)$/.exec(query.get('q') ?? '')?.[1];
      const list = all.filter((one) => since === undefined || Date.parse(one.SystemModstamp) >= Date.parse(since));
      const { page, next } = cut(list, Number(/-(\d+)$/.exec(path)?.[1] ?? 0), 4);
      const more = next === undefined ? {} : { nextRecordsUrl: `/services/data/v59.0/query/01g-${next}` };
      return { body: { totalSize: list.length, done: next === undefined, ...more, records: page } };
    });
    expect(name).toBe('account');
    expect(endpoint).toMatchObject({
      query: { q: 'SELECT Id FROM Account WHERE SystemModstamp >= {{since}}' },
      paging: { type: 'next-url', next: '$.nextRecordsUrl' },
    });
  });

  it('extends the query of Jira by a moment, whatever the time zone of the account is', async () => {
    const all = many(9, (id) => ({ id: String(id), key: `ED-${id}`, fields: { summary: 'x', updated: day(id) } }));
    const { endpoint } = await found('/rest/api/3/search?jql=project%3DED+ORDER+BY+key', ({ query }) => {
      const since = Number(/^updated >= (\d+) AND \(project=ED\) ORDER BY key$/.exec(query.get('jql') ?? '')?.[1] ?? 0);
      const list = all.filter(({ fields }) => Date.parse(fields.updated) >= since);
      const from = numberOf(query, 'startAt', 0);
      const issues = list.slice(from, from + numberOf(query, 'maxResults', 4));
      return { body: { startAt: from, maxResults: 4, total: list.length, issues } };
    });
    expect(endpoint).toMatchObject({
      query: { jql: 'updated >= {{since}} AND (project=ED) ORDER BY key' },
      paging: { type: 'offset', parameter: 'startAt', sizeParameter: 'maxResults', total: '$.total' },
      incremental: { format: 'unix-ms' },
    });
  });

  it('asks Socrata, which refuses any parameter that it does not know', async () => {
    const all = many(9, (id) => ({ id: `c-${id}`, arrest: false, updated_on: day(id).replace('Z', '') }));
    const { endpoint } = await found('/resource/ijzp-q8t2.json', ({ query }) => {
      const unknown = [...query.keys()].find((name) => !['$offset', '$limit', '$where'].includes(name));
      if (unknown !== undefined) return { status: 400, body: { error: true, message: `No such column: ${unknown}` } };
      const since = /^updated_on >= '(\S+)'$/.exec(query.get('$where') ?? '')?.[1];
      const list = all.filter((one) => since === undefined || one.updated_on >= since);
      return { body: cut(list, numberOf(query, '$offset', 0), numberOf(query, '$limit', 4)).page };
    });
    expect(endpoint).toMatchObject({
      query: { $where: "updated_on >= '{{since}}'" },
      paging: { type: 'offset', parameter: '$offset', sizeParameter: '$limit' },
    });
  });

  it('filters a table of Airtable by a formula', async () => {
    const all = many(9, (id) => ({
      id: `rec${id}`,
      createdTime: day(id),
      fields: { Name: `n${id}`, 'Last Modified': day(id) },
    }));
    const { endpoint } = await found('/v0/app1/Tasks', ({ query }) => {
      const since = /^NOT\(IS_BEFORE\(\{Last Modified\}, '(\S+)'\)\)$/.exec(query.get('filterByFormula') ?? '')?.[1];
      const list = all.filter(({ fields }) => since === undefined || fields['Last Modified'] >= since);
      const { page, next } = cut(list, Number(query.get('offset')?.slice(4) ?? 0), 4);
      return { body: { records: page, ...(next === undefined ? {} : { offset: `itr/${next}` }) } };
    });
    expect(endpoint).toMatchObject({
      query: { filterByFormula: "NOT(IS_BEFORE({Last Modified}, '{{since}}'))" },
      paging: { type: 'cursor', parameter: 'offset' },
    });
  });

  it.each([
    ['{"limit": 4}', [{ filters: [{ operator: 'GTE' }] }]],
    [
      '{"limit": 4, "filterGroups": [{"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}]}]}',
      [{ filters: [{ operator: 'GTE' }, { propertyName: 'email' }] }],
    ],
  ])('adds a filter to a search of HubSpot: %s', async (body, filterGroups) => {
    const all = many(9, (id) => ({
      id: String(id),
      properties: { email: `${id}@example.org`, hs_lastmodifieddate: day(id) },
      updatedAt: day(id),
    }));
    const serve = ({ sent }: Asked) => {
      const asked = JSON.stringify(sent.filterGroups ?? []);
      const since = Number(/"hs_lastmodifieddate","operator":"GTE","value":"?(\d+)/.exec(asked)?.[1] ?? 0);
      const list = all.filter(({ updatedAt }) => Date.parse(updatedAt) >= since);
      const { page, next } = cut(list, Number(sent.after ?? 0), 4);
      return {
        body: { total: list.length, results: page, ...(next && { paging: { next: { after: String(next) } } }) },
      };
    };
    const { endpoint } = await found('/crm/v3/objects/companies/search', serve, body);
    expect(endpoint).toMatchObject({
      body: { filterGroups, sorts: [{ propertyName: 'hs_lastmodifieddate' }] },
      incremental: { format: 'unix-ms' },
    });
  });

  it('adds a filter to a query of Notion', async () => {
    const all = many(9, (id) => ({ object: 'page', id: `p-${id}`, last_edited_time: day(id) }));
    const serve = ({ sent }: Asked) => {
      const since = /"on_or_after":"([^"]+)"/.exec(JSON.stringify(sent.filter ?? null))?.[1];
      const list = all.filter((one) => since === undefined || one.last_edited_time >= since);
      const { page, next } = cut(list, Number(sent.start_cursor ?? 0), 4);
      const cursor = next === undefined ? null : String(next);
      return { body: { object: 'list', results: page, next_cursor: cursor, has_more: cursor !== null } };
    };
    const given = { filter: { property: 'Status', status: { equals: 'Done' } } };
    const { endpoint } = await found('/v1/databases/d1/query', serve, JSON.stringify(given));
    expect(endpoint).toMatchObject({
      body: {
        filter: {
          and: [{ timestamp: 'last_edited_time', last_edited_time: { on_or_after: '{{since}}' } }, given.filter],
        },
      },
    });
  });

  it('asks an API that refuses unknown parameters with one after the other', async () => {
    const all = many(9, (id) => ({ id, name: `n${id}` }));
    const { endpoint } = await found('/v1/things', ({ query }) => {
      const isUnknown = [...query.keys()].some((name) => !['skip', 'limit'].includes(name));
      if (isUnknown) return { status: 422, body: { detail: 'unknown parameter; known are limit, skip' } };
      return { body: { things: cut(all, numberOf(query, 'skip', 0), numberOf(query, 'limit', 4)).page } };
    });
    expect(endpoint).toMatchObject({ paging: { type: 'offset', parameter: 'skip' } });
  });

  it('goes back by the id of the last record, as chats do', async () => {
    const all = many(9, (id) => ({ id: String(9_000 - id), content: `m${id}`, pinned: false }));
    const { endpoint } = await found('/channels/1/messages?limit=4', ({ query }) => {
      const before = query.get('before');
      return { body: all.filter(({ id }) => before === null || BigInt(id) < BigInt(before)).slice(0, 4) };
    });
    expect(endpoint).toMatchObject({ paging: { type: 'cursor', next: '$[-1].id', parameter: 'before' } });
  });

  it('does not follow a next page that is named behind the last one too', async () => {
    const all = many(9, (id) => ({ _id: id, name: `n${id}` }));
    const { endpoint } = await found('/api/3/action/datastore_search?resource_id=x', ({ query }) => {
      const from = numberOf(query, 'offset', 0);
      const records = all.slice(from, from + numberOf(query, 'limit', 4));
      const next = `/api/3/action/datastore_search?resource_id=x&offset=${from + 4}`;
      return { body: { success: true, result: { offset: from, limit: 4, records, _links: { next }, total: 9 } } };
    });
    expect(endpoint).toMatchObject({ paging: { type: 'offset', parameter: 'offset', total: '$.result.total' } });
  });

  it('takes records of several days together, and does not follow the next days without an end', async () => {
    const neo = (id: number) => ({ id: String(id), name: `n${id}`, magnitude: 20.5 });
    const { entity, endpoint, notes } = await found(
      '/feed?start_date=2024-05-01&end_date=2024-05-02',
      ({ query, origin }) => {
        const from = query.get('start_date') === '2024-05-01' ? 0 : 10;
        const next = `${origin}/feed?start_date=2024-05-03&end_date=2024-05-04`;
        const days = { '2024-05-01': [neo(from + 1), neo(from + 2)], '2024-05-02': [neo(from + 3)] };
        return { body: { links: { next }, element_count: 3, near_earth_objects: days } };
      },
    );
    expect(endpoint).toMatchObject({ items: '$.near_earth_objects', as: 'map', within: { items: '$', as: 'list' } });
    expect(endpoint).toMatchObject({ paging: { type: 'none' } });
    expect(entity).toMatchObject({ key: 'id', fields: { outer_key: { type: 'date', from: '$.$outer.$key' } } });
    expect(notes.join()).toContain('start_date and end_date stand in the request');
  });

  it('finds what asks for larger pages and for changes, where neither is the usual name', async () => {
    const all = many(9, (id) => ({ id: `m${id}`, stats: { open_rate: 0.5 }, last_changed: day(id) }));
    const { endpoint } = await found('/3.0/lists/abc/members?offset=0', ({ query }) => {
      const since = query.get('since_last_changed');
      const list = all.filter((one) => since === null || Date.parse(one.last_changed) >= Date.parse(since));
      const { page } = cut(list, numberOf(query, 'offset', 0), numberOf(query, 'count', 4));
      return { body: { members: page, list_id: 'abc', total_items: list.length } };
    });
    expect(endpoint).toMatchObject({
      items: '$.members',
      paging: { type: 'offset', parameter: 'offset' },
      incremental: { parameter: 'since_last_changed' },
    });
  });

  it('takes the cursor, and not the number of the page beside it', async () => {
    const all = many(9, (id) => ({ id: `c${id}`, updated_at: 1_714_550_000 + id }));
    const { endpoint } = await found('/contacts', ({ query }) => {
      const { page, next } = cut(all, numberOf(query, 'starting_after', 0), numberOf(query, 'per_page', 4));
      const pages = next === undefined ? { page: 3 } : { page: 1, next: { page: 2, starting_after: String(next) } };
      return { body: { type: 'list', data: page, total_count: 9, pages: { ...pages, per_page: 4, total_pages: 3 } } };
    });
    expect(endpoint).toMatchObject({
      paging: { type: 'cursor', next: '$.pages.next.starting_after', parameter: 'starting_after' },
    });
  });

  it('writes a time as the parameter wants it, and not as the records hold it', async () => {
    const all = many(9, (id) => ({ id: `q${id}`, properties: { mag: 1.5, updated: Date.parse(day(id)) } }));
    const { entity, endpoint } = await found('/fdsnws/event/1/query?format=geojson', ({ query }) => {
      const since = Date.parse(query.get('updatedafter') ?? day(0));
      const features = all.filter(({ properties }) => Number.isNaN(since) || properties.updated >= since);
      return { body: { type: 'FeatureCollection', metadata: { count: features.length }, features } };
    });
    expect(entity).toMatchObject({ version: 'updated', fields: { updated: { type: 'datetime', unit: 'ms' } } });
    expect(endpoint).toMatchObject({ incremental: { parameter: 'updatedafter' } });
  });

  it('finds the size of pages of which only a few parameters tell', async () => {
    const all = many(9, (id) => ({ id: String(id), title: `t${id}` }));
    const { endpoint } = await found('/helix/streams', ({ query }) => {
      const { page, next } = cut(all, numberOf(query, 'after', 0), numberOf(query, 'first', 4));
      return { body: { data: page, pagination: next === undefined ? {} : { cursor: String(next) } } };
    });
    expect(endpoint).toMatchObject({
      paging: { type: 'cursor', parameter: 'after', sizeParameter: 'first', size: 100 },
    });
  });
});

describe('a sample of a well-known API', () => {
  it('names the cells of rows after what stands elsewhere in the answer', () => {
    const columns = ['id', 'name', 'updated_at'];
    const rows = many(4, (id) => [id, `n${id}`, day(id)]);
    const plain = sampled({ columns, rows, total: 4 });
    expect(plain.endpoint).toMatchObject({ items: '$.rows', as: 'rows', header: '$.columns' });
    expect(plain.entity).toMatchObject({ key: 'id', version: 'updated_at' });
    const described = columns.map((name) => ({ name, dataTypeName: 'text' }));
    expect(sampled({ meta: { view: { columns: described } }, data: rows }).endpoint).toMatchObject({
      items: '$.data',
      header: '$.meta.view.columns',
    });
  });

  it('makes names up for rows that have none, and says so', () => {
    const pairs = many(4, (number) => [1_714_550_400_000 + number * 60_000, 60_000.5 + number]);
    const { entity, endpoint, text } = sampled({ prices: pairs });
    expect(endpoint).toMatchObject({ items: '$.prices', as: 'rows', header: ['time', 'price'] });
    expect(entity).toMatchObject({ key: 'time', fields: { time: { type: 'datetime', unit: 'ms' } } });
    expect(text).toContain('# unsure: 4 rows of 2 cells');
    const bars = many(4, (number) => [1_714_550_400 + number * 60, '1.5', '2.5', 7]);
    const { endpoint: beside } = sampled({ error: [], result: { XXBTZUSD: bars, last: 1_714_550_640 } });
    expect(beside).toMatchObject({ items: '$.result.XXBTZUSD', header: ['time', 'column_2', 'column_3', 'column_4'] });
  });

  it('takes objects by any name, where all of the answer is a map', () => {
    const pushed = Object.fromEntries(many(3, (id) => [`-Nx${id}bcdef0123456789`, { customer: `n${id}`, lines: {} }]));
    expect(sampled(pushed)).toMatchObject({ endpoint: { items: '$', as: 'map' }, entity: { key: 'key' } });
    expect(sampled({ bitcoin: { usd: 60_000 }, ethereum: { usd: 3_000 } }).endpoint).toMatchObject({ as: 'map' });
  });

  it('gives columns the names that a person would give them', () => {
    const link = (id: string) => ({ sys: { type: 'Link', linkType: 'Space', id } });
    const items = many(3, (id) => ({
      sys: { id: `e${id}`, space: link('s'), updatedAt: day(id) },
      fields: { status: { statusCategory: { id: 4 } } },
      tags: { type: 'list', data: [{ id: 1, name: 'a' }], total_count: 1, has_more: false },
      '1. open': `${id}.1000`,
      '5. volume': '300',
      feels_like: 279 + id,
      report_date: `2024050${id}`,
      total: 30 + id,
      _score: 1,
    }));
    const { entity } = sampled({ items });
    const fields = Object.entries(entity?.fields ?? {}).map(
      ([name, { type, from }]) => `${name}: ${type} ${from ?? ''}`,
    );
    expect(fields.map((one) => one.trim())).toEqual([
      'id: string $.sys.id',
      'space: string $.sys.space.sys.id',
      'updatedAt: datetime $.sys.updatedAt',
      'statusCategory_id: integer $.fields.status.statusCategory.id',
      'tags: list $.tags.data',
      "open: decimal $['1. open']",
      "volume: integer $['5. volume']",
      'feels_like: integer',
      'report_date: date',
      'total: decimal',
    ]);
  });
});
