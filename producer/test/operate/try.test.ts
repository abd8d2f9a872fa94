import { parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { generateEndpoints } from '../../src/operate/generate.js';
import { tryEndpoint } from '../../src/operate/try.js';
import { json, startApi } from '../support/api.js';
import { ManualClock } from '../support/manual-clock.js';
import { pipelineWith } from '../support/pipeline.js';

/** What trying an endpoint shows. */
async function tryIt(settings: object, limit = 5, pages?: number) {
  const config = pipelineWith({ crm: settings });
  let shown = '';
  const write = (text: string) => {
    shown += text;
  };
  const { bad } = await tryEndpoint({ config, id: 'crm', limit, pages, clock: new ManualClock(), proxies: {}, write });
  return { bad, shown };
}

describe('trying an endpoint', () => {
  const records = [
    { id: 'a', updatedAt: '2026-03-01T11:00:00Z', extra: 1 },
    { id: 'b' },
    { id: 'c', updatedAt: '2026-03-01T11:00:00Z' },
  ];

  it('shows the requests without secrets, the records as messages, and what is wrong with them', async () => {
    const api = await startApi((_request, response) => json(response, records));
    const { bad, shown } = await tryIt({ url: `${api.url}/c`, query: { key: 'secret-key' }, enabled: false });
    expect(bad).toBe(1);
    expect(shown).toMatch(/^GET http:\/\/127\.0\.0\.1:\d+\/c\?key=\.\.\. -> 200, \d+ characters/);
    expect(shown).toContain('"entity":"customer","key":"a"');
    expect(shown).toContain('raw: {"id":"a","updatedAt":"2026-03-01T11:00:00Z","extra":1}\n{');
    expect(shown).toContain(
      '{"id":"a","updatedAt":"2026-03-01T11:00:00.000Z"}\nvalid; unknown fields, which are left out: extra',
    );
    expect(shown).toContain('{"id":"b"}\na dead letter (');
    expect(shown).toContain('3 shown, 1 of them would be dead-lettered; nothing was published');
    expect(shown).not.toContain('secret-key');
  });

  it('shows what deletes.when deletes, and nothing of the columns that a tombstone lacks', async () => {
    const api = await startApi((_request, response) =>
      json(response, [records[0], { ...records[2], name: 'Cyd', gone: true }, { ...records[0], id: 'd', name: 'Dee' }]),
    );
    const { bad, shown } = await tryIt({ url: api.url, deletes: { when: 'has(raw.gone) && raw.gone' } });
    expect(bad).toBe(0);
    expect(shown).toContain(
      '{"id":"c","updatedAt":"2026-03-01T11:00:00.000Z","_deleted":true}\na tombstone: deletes.when holds, so its row is deleted',
    );
    expect(shown).toContain('3 shown, 1 deleted by deletes.when, 0 of them would be dead-lettered');
  });

  it('tries a child with the first record of its parent', async () => {
    const api = await startApi(({ url }, response) =>
      json(response, url.pathname === '/list' ? records : [{ id: url.pathname }]),
    );
    const config = pipelineWith({
      crm: { url: `${api.url}/list`, enabled: false },
      items: { url: `${api.url}/of/{{parent.id}}`, parent: { endpoint: 'crm' } },
      deep: { url: `${api.url}/in{{parent.id}}`, parent: { endpoint: 'items' } },
    });
    let shown = '';
    const write = (text: string) => {
      shown += text;
    };
    await tryEndpoint({ config, id: 'deep', limit: 1, clock: new ManualClock(), proxies: {}, write });
    expect(api.paths).toEqual(['/list', '/of/a', '/in%2Fof%2Fa']);
    expect(shown).toContain('for the first record of crm: {"id":"a"');
    expect(shown).toContain('raw: {"id":"/in%2Fof%2Fa","$parent":{"id":"/of/a","$parent":{"id":"a"');
  });

  it('fetches only the pages that it needs', async () => {
    const api = await startApi(({ url }, response) => json(response, [{ id: url.search }]));
    const { shown } = await tryIt({ url: api.url, paging: { type: 'page', size: 1 } }, 2);
    expect(api.paths).toEqual(['/?page=1', '/?page=2']);
    expect(shown).toContain('2 shown');
  });

  it('asks again for what failed on the way, and not for an answer that is wrong', async () => {
    const api = await startApi(({ url }, response, number) => {
      if (url.search === '?page=1') return json(response, [{ id: 'a' }]);
      if (number === 1) return response.writeHead(503).end();
      json(response, { message: 'no list' });
    });
    const paging = { type: 'page', size: 1 };
    await expect(tryIt({ url: api.url, paging, retryDelay: '1ms' }, 5)).rejects.toThrow('should be a list of records');
    expect(api.paths).toEqual(['/?page=1', '/?page=2', '/?page=2']);
  });

  it('tells of a key that is not unique, of what is always empty, of a version that stands and of a cut answer', async () => {
    const same = Array.from({ length: 10 }, () => ({ id: 'a', updatedAt: '2026-03-01T11:00:00Z' }));
    const api = await startApi((_request, response) => json(response, same));
    const { shown } = await tryIt({ url: api.url }, 10);
    expect(shown).toContain('the key is not unique: 1 key came more than once, such as a');
    expect(shown).toContain('the version updatedAt is the same in all records');
    expect(shown).toContain('the answer has exactly 10 records, and paging is none');
  });

  it('fetches as many pages as it is told, and shows no more records', async () => {
    const api = await startApi(({ url }, response) => json(response, [{ id: url.search }]));
    const { shown } = await tryIt({ url: api.url, paging: { type: 'page', size: 1 } }, 1, 3);
    expect(api.paths.slice(0, 3)).toEqual(['/?page=1', '/?page=2', '/?page=3']);
    expect(shown).toContain('1 shown');
  });

  it('tells of records that would die and are not shown', async () => {
    const good = { id: 'a', updatedAt: '2026-03-01T11:00:00Z' };
    const api = await startApi((_request, response) => json(response, [good, { ...good, id: 'b' }, { id: 'c' }]));
    const { bad, shown } = await tryIt({ url: api.url }, 1);
    expect(bad).toBe(1);
    expect(shown).toContain(
      '1 shown, 0 of them would be dead-lettered; of 2 more on these pages 1 would be, such as a dead letter (',
    );
    expect(shown).not.toContain('raw: {"id":"c"}');
  });

  it('asks once only, if the first request fails', async () => {
    const api = await startApi((_request, response) => response.writeHead(500).end());
    await expect(tryIt({ url: api.url })).rejects.toThrow('500');
    expect(api.paths).toHaveLength(1);
  });

  it('says which endpoints exist, and why one cannot be polled', async () => {
    const options = { config: pipelineWith({ crm: { url: 'http://127.0.0.1:1/' } }), limit: 1, proxies: {} };
    const rest = { ...options, clock: new ManualClock(), write: () => {} };
    await expect(tryEndpoint({ ...rest, id: 'nope' })).rejects.toThrow('no endpoint "nope"; expected one of crm');
    const api = await startApi((_request, response) => response.writeHead(404).end());
    await expect(tryIt({ url: api.url })).rejects.toThrow('answered 404');
  });
});

describe('the generated endpoints', () => {
  const entity = (key: string) =>
    `{ dataset: ${key}s, queue: ${key}s, key: id, version: at, fields: { id: string, at: datetime } }`;
  const text = `# mine
entities:
  customer: ${entity('customer')}
  inventory: ${entity('item')}

endpoints:
  old:
    url: http://127.0.0.1:1/

    entity: customer
# what follows stays
batch: { size: 7 }
`;

  it('are as many as asked, in a valid file that is otherwise unchanged', () => {
    const generated = generateEndpoints({ text, count: 90, every: '5s', env: {} });
    const config = parsePipeline(generated, {}, 'generated');
    expect(Object.keys(config.endpoints)).toHaveLength(90);
    expect(config.endpoints.old).toBeUndefined();
    expect(config.batch.size).toBe(7);
    expect(generated).toContain('# mine');
    expect(
      Object.values(config.endpoints).every(({ schedule }) => 'every' in schedule && schedule.every === 5_000),
    ).toBe(true);
  });

  it('are refused if the count or the file is not usable', () => {
    expect(() => generateEndpoints({ text, count: 0, every: '5s', env: {} })).toThrow('--count');
    expect(() => generateEndpoints({ text: 'batch: {}\n', count: 1, every: '5s', env: {} })).toThrow(
      'has no "endpoints:"',
    );
  });
});

describe('trying an event', () => {
  const settings = {
    source: 'webhook',
    sender: { type: 'none' },
    items: '$.data',
    deletes: { when: "raw['$event'].type == 'deleted'" },
  };
  async function tryEvent(event: string | undefined, more: object = settings) {
    const config = pipelineWith({ crm: more });
    let shown = '';
    const write = (text: string) => {
      shown += text;
    };
    const { bad } = await tryEndpoint({
      config,
      id: 'crm',
      limit: 5,
      clock: new ManualClock(),
      proxies: {},
      event,
      write,
    });
    return { bad, shown };
  }

  it('shows what becomes of its records', async () => {
    const { bad, shown } = await tryEvent(
      '{"type":"deleted","data":[{"id":"a","updatedAt":"2026-03-01T11:00:00Z"},{"id":"b"}]}',
    );
    expect(bad).toBe(1);
    expect(shown).toContain('"_deleted":true}\na tombstone');
    expect(shown).toContain('2 shown, 2 deleted by deletes.when, 1 of them would be dead-lettered');
  });

  it('tells in words what the door would refuse, and where an event is missing', async () => {
    await expect(tryEvent('{"type":')).rejects.toThrow('the door would answer 400: the body is not JSON');
    await expect(tryEvent('{}')).rejects.toThrow('no record lies at $.data');
    await expect(tryEvent(undefined)).rejects.toThrow(/is not polled.*try crm --event event\.json/);
    await expect(tryEvent('{}', { url: 'http://127.0.0.1:1/' })).rejects.toThrow('has no door for events');
  });
});
