import { describe, expect, it } from 'vitest';
import { json, startApi } from '../support/api.js';
import { pipelineWith } from '../support/pipeline.js';
import { setUpProducer } from '../support/producer.js';

interface Answers {
  /** What the list of customers holds. */
  customers: { id: string; updatedAt: string; href?: string }[];
  /** Statuses by the customer whose items are asked for. */
  readonly statuses: Map<string, number>;
  /** Of a later page of items. */
  laterStatus?: number;
}

async function setUp(child: object, more: Record<string, object> = {}) {
  const at = (minute: number) => `2026-03-01T10:0${minute}:00Z`;
  const answers: Answers = {
    customers: ['a', 'b', 'c'].map((id, index) => ({ id, updatedAt: at(index) })),
    statuses: new Map(),
  };
  const api = await startApi(({ url }, response) => {
    const [, kind, id = '', items] = url.pathname.split('/').map(decodeURIComponent);
    if (items === undefined)
      return json(
        response,
        answers.customers.filter(({ updatedAt }) => updatedAt >= (url.searchParams.get('since') ?? '')),
      );
    const isLater = Number(url.searchParams.get('page') ?? 1) > 1;
    const status = (isLater ? answers.laterStatus : undefined) ?? answers.statuses.get(id) ?? 200;
    if (status !== 200) return response.writeHead(status).end();
    json(response, [{ sku: `${kind}-${id}-1` }, { sku: `${kind}-${id}-2` }]);
  });
  const settings = { entity: 'inventory', parent: { endpoint: 'crm' }, retries: 0, ...child };
  const { producer, server, lines, ready } = await setUpProducer({
    crm: { url: `${api.url}/customers`, incremental: { parameter: 'since', overlap: '0s' }, retries: 0 },
    items: { url: `${api.url}/customers/{{parent.id}}/items`, ...settings },
    ...more,
  });
  await producer.start();
  await ready();
  const taken = () => {
    const queue = server.getBroker().getQueue('inventory_data');
    const skus: string[] = [];
    for (let message = queue?.get({ noAck: true }); message; message = queue?.get({ noAck: true })) {
      skus.push((JSON.parse(String(message.content)) as { sku: string }).sku);
    }
    return skus.sort();
  };
  return { api, answers, producer, lines, taken, poll: () => producer.pollOnce() };
}

const both = (...ids: string[]) => ids.flatMap((id) => [`customers-${id}-1`, `customers-${id}-2`]);

describe('the children of an endpoint', () => {
  it('are polled for each record that a run brings, and for no other', async () => {
    const { api, answers, poll, taken } = await setUp({});
    expect(await poll()).toMatchObject([
      { endpoint: 'crm', records: 3, published: 9 },
      { endpoint: 'items', records: 6, published: 6 },
    ]);
    expect(taken()).toEqual(both('a', 'b', 'c'));
    answers.customers.push({ id: 'd/e f', updatedAt: '2026-03-01T10:05:00Z' });
    const before = api.paths.length;
    await poll();
    expect(taken()).toEqual(both('c', 'd/e f'));
    expect(api.paths.slice(before)).toContain('/customers/d%2Fe%20f/items');
  });

  it('that fail cost no other child, are named with their parent, and are asked for again', async () => {
    const { answers, poll, taken } = await setUp({});
    answers.statuses.set('b', 503);
    const [crm] = await poll();
    expect(crm?.error).toMatch(/for crm b: items: page 1, GET .*\/customers\/b\/items: answered 503/);
    expect(taken()).toEqual(both('a', 'c'));
    answers.statuses.clear();
    expect((await poll())[0]?.error).toBeUndefined();
    expect(taken()).toEqual(both('a', 'b', 'c'));
    await poll();
    expect(taken()).toEqual(both('c'));
  });

  it('of a record that is gone by now are none, and that is told once', async () => {
    const { answers, poll, taken, lines } = await setUp({});
    answers.statuses.set('a', 404);
    answers.statuses.set('b', 410);
    expect((await poll())[0]?.error).toBeUndefined();
    expect(taken()).toEqual(both('c'));
    expect(lines.filter(({ msg }) => msg.includes('knows nothing for this parent'))).toMatchObject([
      { parent: 'crm a' },
    ]);
  });

  it('are not taken for gone by a 404 on a later page', async () => {
    const { answers, poll } = await setUp({ paging: { type: 'page', size: 2 } });
    answers.customers = answers.customers.slice(0, 1);
    answers.laterStatus = 404;
    expect((await poll())[0]?.error).toMatch(/for crm a: items: page 2, GET .* answered 404/);
  });

  it('hold the record of their parent, from which fields can be taken', async () => {
    const { taken, poll } = await setUp({ map: { sku: '$.$parent.id' } });
    await poll();
    expect(taken()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('may have children of their own, and addresses that the record holds', async () => {
    const { api, answers, poll, taken } = await setUp(
      { url: '{{parent.href}}', entity: 'customer', items: '$' },
      { deep: { url: '{{parent.href}}', entity: 'inventory', parent: { endpoint: 'items' } } },
    );
    answers.customers = [{ id: 'a', updatedAt: '2026-03-01T10:00:00Z', href: '/customers/x/items' }];
    await poll();
    expect(api.paths).toContain('/customers/x/items');
    expect(taken()).toEqual([]);
  });

  it('are not asked for at another server, whatever address a record holds', async () => {
    const { answers, poll } = await setUp({ url: '{{parent.href}}' });
    answers.customers = [{ id: 'a', updatedAt: '2026-03-01T10:00:00Z', href: 'http://169.254.169.254/latest' }];
    expect((await poll())[0]?.error).toContain("which is not on the parent's server http://127.0.0.1");
  });

  it('multiply with the lists of their parents', () => {
    const { endpoints } = pipelineWith({
      crm: { url: 'http://{{region}}.api/customers', for: { region: ['eu', 'us'] } },
      items: { url: 'http://{{region}}.api/{{parent.id}}/{{kind}}', parent: { endpoint: 'crm' }, for: { kind: ['x'] } },
    });
    expect(Object.entries(endpoints).map(([id, { parent, for: lists }]) => [id, parent?.endpoint, lists])).toEqual([
      ['crm.eu', undefined, { region: ['eu'] }],
      ['crm.us', undefined, { region: ['us'] }],
      ['items.eu.x', 'crm.eu', { region: ['eu'], kind: ['x'] }],
      ['items.us.x', 'crm.us', { region: ['us'], kind: ['x'] }],
    ]);
  });

  it.each([
    [{ parent: { endpoint: 'nobody' } }, 'no endpoint "nobody"'],
    [{ parent: { endpoint: 'items' } }, '"items" depends on "items" itself'],
    [{ parent: { endpoint: 'crm' }, resync: { every: '1h' } }, 'leave resync out'],
    [{ url: 'http://api/{{parent.id}}' }, '{{parent.id}} needs parent'],
  ])('are refused where they cannot be: %j', (settings, words) => {
    expect(() => pipelineWith({ crm: { url: 'http://api/' }, items: { url: 'http://api/', ...settings } })).toThrow(
      words,
    );
  });
});
