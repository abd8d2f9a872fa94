import { describe, expect, it } from 'vitest';
import { memoryCursorStore } from '../../src/cursor/cursor.js';
import { json, startApi } from '../support/api.js';
import { endpointWith } from '../support/pipeline.js';
import { setUpProducer } from '../support/producer.js';

interface Row {
  readonly id: string;
  readonly updatedAt: string;
}

const AT = '2026-03-01T11:00:00.000Z';
const rows = (...ids: string[]): Row[] => ids.map((id) => ({ id, updatedAt: AT }));
const ten = () => rows('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k');
const tombstone = (id: string, updatedAt = AT) => ({ id, updatedAt, _deleted: true });

/** A producer of one endpoint or more, polled round by round, and what it published in each. */
async function setUp(endpoints: Record<string, object>, more: object = {}) {
  const cursors = memoryCursorStore();
  const { server, producer, lines, get } = await setUpProducer(endpoints, { cursors }, more);
  await producer.start();
  const take = (queue = 'customer_data') => {
    const records: Record<string, unknown>[] = [];
    const waiting = server.getBroker().getQueue(queue);
    for (let message = waiting?.get({ noAck: true }); message; message = waiting?.get({ noAck: true })) {
      records.push({ ...(JSON.parse(String(message.content)) as object), $id: message.properties.messageId as string });
    }
    return records;
  };
  const poll = async () => {
    const summaries = await producer.pollOnce();
    const published = take();
    const deleted = published.filter(({ _deleted }) => _deleted === true).map(({ $id: _id, ...record }) => record);
    return { summary: summaries[0], summaries, published, deleted };
  };
  const told = () => lines.filter(({ msg }) => String(msg).startsWith('records are missing'));
  return { poll, told, lines, get, take, cursors };
}

/** An API whose records a test replaces, on counted pages of four, by a cursor, or all at once. */
async function startCrm(first: readonly object[]) {
  const crm = { rows: first, fails: false, onPage: (_page: number) => {} };
  const api = await startApi(({ url, headers }, response) => {
    const page = Number(url.searchParams.get('page') ?? '1');
    crm.onPage(page);
    if (crm.fails && page > 1) return response.writeHead(400).end();
    const tag = JSON.stringify(JSON.stringify(crm.rows).length + JSON.stringify(crm.rows).charCodeAt(8))
      .replace(/^/, '"')
      .concat('"');
    if (url.pathname === '/tagged' && headers['if-none-match'] === tag) return response.writeHead(304).end();
    const isPaged = url.pathname === '/pages';
    const data = isPaged ? crm.rows.slice((page - 1) * 4, page * 4) : crm.rows;
    json(response, data, url.pathname === '/tagged' ? { etag: tag } : {});
  });
  return Object.assign(crm, { url: api.url, paths: api.paths });
}

const PAGES = { paging: { type: 'page', size: 4, sizeParameter: 'size' } };

describe('what a complete walk does not bring', () => {
  it('gets a tombstone, once, with the version and a later message id', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    const first = await poll();
    expect([first.deleted, first.summary?.deleted]).toEqual([[], undefined]);
    crm.rows = ten().filter(({ id }) => id !== 'c');
    const { deleted, published, summary } = await poll();
    expect(deleted).toEqual([tombstone('c')]);
    expect(published.at(-1)?.$id).toEqual(
      published
        .map(({ $id }) => $id as string)
        .sort()
        .at(-1),
    );
    expect(summary).toMatchObject({ records: 10, published: 11, deleted: 1 });
    expect((await poll()).deleted).toEqual([]);
  });

  it('comes back under the version that it had, and goes again', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    for (let round = 0; round < 2; round++) {
      crm.rows = ten().slice(1);
      expect((await poll()).deleted).toEqual([tombstone('a')]);
      crm.rows = ten();
      const { deleted, published } = await poll();
      expect(deleted).toEqual([]);
      expect(published.find(({ id }) => id === 'a')).toMatchObject({ updatedAt: AT });
    }
  });

  it('gets its tombstone again when everything is polled again, because something was lost, and only then', async () => {
    const crm = await startCrm(ten());
    const { poll, cursors } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    crm.rows = ten().slice(1);
    expect((await poll()).deleted).toEqual([tombstone('a')]);
    expect((await poll()).deleted).toEqual([]);
    await cursors.reset(endpointWith({ url: crm.url }));
    const { deleted, summary } = await poll();
    expect([deleted, summary?.deleted]).toEqual([[tombstone('a')], undefined]);
    expect((await poll()).deleted).toEqual([]);
    crm.rows = ten();
    await poll();
    await cursors.reset(endpointWith({ url: crm.url }));
    expect((await poll()).deleted).toEqual([]);
  });

  it('keeps the largest version that it was ever brought with', async () => {
    const crm = await startCrm([{ id: 'x', updatedAt: '2026-05-01T00:00:00.1234567Z' }, ...ten()]);
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    crm.rows = [{ id: 'x', updatedAt: AT }, ...ten()];
    await poll();
    crm.rows = ten();
    expect((await poll()).deleted).toEqual([tombstone('x', '2026-05-01T00:00:00.1234567Z')]);
  });

  it.each([
    ['a sequence', { n: 'integer' }, { n: 42 }, { n: 42 }],
    ['a sequence beyond 2^53', { n: 'integer' }, { n: '9223372036854775807' }, { n: '9223372036854775807' }],
    ['text', { n: 'string' }, { n: 'v007' }, { n: 'v007' }],
    ['a ULID', { n: 'string' }, { n: '01HQ3K5Z7M' }, { n: '01HQ3K5Z7M' }],
    ['text of zeros and points', { n: 'string' }, { n: '00.1' }, { n: '00.1' }],
    ['text that ends in ZZ', { n: 'string' }, { n: '0ABZZ' }, { n: '0ABZZ' }],
    ['digits with a Z', { n: 'string' }, { n: '12Z' }, { n: '12Z' }],
    ['nothing', {}, {}, {}],
  ])('has a tombstone where the version is %s, and the key has parts', async (_what, version, raw, versioned) => {
    const fields = { shop: 'string', number: 'integer', name: 'string?', ...version };
    const customer = { dataset: 'customers', queue: 'customer_data', key: ['shop', 'number'], fields };
    const entities = { customer: 'n' in version ? { ...customer, version: 'n' } : customer };
    const row = (number: number) => ({ shop: 'e/u', number: String(number), name: 'x', ...raw });
    const crm = await startCrm([1, 2, 3].map(row));
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } }, { entities });
    await poll();
    crm.rows = [1, 3].map(row);
    expect((await poll()).deleted).toEqual([{ shop: 'e/u', number: 2, ...versioned, _deleted: true }]);
  });

  it('may be a record that died: it still counts as seen', async () => {
    const broken = { id: 'z', updatedAt: 'never' };
    const crm = await startCrm([...ten(), { id: 'y', updatedAt: AT }]);
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    crm.rows = [...ten(), broken, { id: 'y', updatedAt: 'now' }];
    expect((await poll()).deleted).toEqual([]);
    crm.rows = ten();
    // No row was ever made of z.
    expect((await poll()).deleted).toEqual([tombstone('y')]);
  });

  it.each(['05', ' 5', '0x5', '5e0'])('is not a record whose key another form of it is: %s for 5', async (form) => {
    const customer = { dataset: 'customers', queue: 'customer_data', key: 'id', fields: { id: 'integer' } };
    const crm = await startCrm([1, 2, 3, 4, 5, 6].map((id) => ({ id })));
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } }, { entities: { customer } });
    await poll();
    crm.rows = [1, 2, 3, 4, 5, form, 6].map((id) => ({ id }));
    await poll();
    crm.rows = [1, 2, 3, 4, 5, 6].map((id) => ({ id }));
    expect((await poll()).deleted).not.toContainEqual({ id: 5, _deleted: true });
  });

  it('is what where leaves out now', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({
      crm: { url: crm.url, where: 'name == null || name != "draft"', deletes: { missing: true } },
    });
    await poll();
    crm.rows = ten().map((row) =>
      row.id === 'b' ? { ...row, name: 'draft', updatedAt: '2026-04-01T00:00:00Z' } : row,
    );
    expect((await poll()).deleted).toEqual([tombstone('b')]);
    expect((await poll()).deleted).toEqual([]);
    crm.rows = ten();
    expect((await poll()).published).toContainEqual(expect.objectContaining({ id: 'b', updatedAt: AT }));
  });

  it('does not count where the API had marked it as deleted before, and purges it', async () => {
    const crm = await startCrm(ten());
    const { poll, told } = await setUp({
      crm: { url: crm.url, deletes: { when: 'name == "gone"', missing: true, atMost: '5 %' } },
    });
    await poll();
    const marked = ['a', 'b', 'c'];
    crm.rows = ten().map((row) => (marked.includes(row.id) ? { ...row, name: 'gone' } : row));
    expect((await poll()).deleted).toEqual(marked.map((id) => tombstone(id)));
    crm.rows = ten().slice(3);
    expect((await poll()).summary?.notDeleted).toBeUndefined();
    expect(told()).toEqual([]);
    expect((await poll()).deleted).toEqual([]);
  });

  it('is nothing where everything is unchanged (304), and shows when it has changed', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: `${crm.url}/tagged`, deletes: { missing: true } } });
    await poll();
    expect(await poll()).toMatchObject({ deleted: [], summary: { notModified: 1 } });
    crm.rows = ten().slice(1);
    expect((await poll()).deleted).toEqual([tombstone('a')]);
    expect((await poll()).summary).toMatchObject({ notModified: 1 });
  });

  it('is looked at again where only some pages were unchanged', async () => {
    const state = { second: ['c', 'd'] };
    const api = await startApi(({ url, headers }, response) => {
      const isSecond = url.searchParams.has('cursor');
      const ids = isSecond ? state.second : ['a', 'b', 'x', 'y', 'z'];
      const etag = `"${ids.join('')}"`;
      if (headers['if-none-match'] === etag) return response.writeHead(304).end();
      json(response, { data: rows(...ids), next: isSecond ? null : '2' }, { etag });
    });
    const paging = { type: 'cursor', next: '$.next' };
    const { poll } = await setUp({ crm: { url: api.url, items: '$.data', paging, deletes: { missing: true } } });
    await poll();
    state.second = ['d'];
    expect((await poll()).deleted).toEqual([tombstone('c')]);
    expect(api.paths).toHaveLength(6);
  });
});

describe('nothing is deleted after a walk', () => {
  it('that failed; what it brought is known all the same', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({
      crm: { url: `${crm.url}/pages`, ...PAGES, retries: 0, deletes: { missing: true } },
    });
    await poll();
    crm.fails = true;
    crm.rows = [...rows('n'), ...ten().slice(1)];
    const failed = await poll();
    expect([failed.summary?.error, failed.deleted]).toEqual([expect.stringContaining('400'), []]);
    crm.fails = false;
    crm.rows = ten();
    expect((await poll()).deleted).toEqual([tombstone('n')]);
  });

  it('that was cut by maxPages', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({
      crm: { url: `${crm.url}/pages`, ...PAGES, maxPages: 3, deletes: { missing: true } },
    });
    await poll();
    crm.rows = [...rows('1', '2', '3', '4', '5'), ...ten()];
    expect(await poll()).toMatchObject({ deleted: [], summary: { error: expect.stringContaining('maxPages') } });
  });

  it('that came back suspiciously small; that is told once, and deleted when atMost allows it', async () => {
    const crm = await startCrm(ten());
    const { poll, told, lines, get } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    crm.rows = ten().slice(3);
    for (let round = 0; round < 3; round++) {
      expect(await poll()).toMatchObject({
        deleted: [],
        summary: {
          notDeleted: {
            records: 3,
            reason: '3 of 11 records that earlier polls brought are missing, more than deletes.atMost allows (20 %)',
          },
        },
      });
    }
    expect(told()).toMatchObject([
      { level: 'warn', endpoint: 'crm', records: 3, advice: expect.stringContaining('raise') },
    ]);
    const kept = async () =>
      /^tributary_poll_missing_records_kept\{.*endpoint="crm".*\} (\d+)$/m.exec((await get('/metrics')).text)?.[1];
    expect(await kept()).toBe('3');
    const status = async () => JSON.parse((await get('/endpoints/crm/status')).text) as { notDeleted?: object };
    expect((await status()).notDeleted).toMatchObject({ records: 3 });
    crm.rows = ten().slice(1);
    expect((await poll()).deleted).toEqual([tombstone('a')]);
    expect(lines.filter(({ msg }) => String(msg).startsWith('no record is missing any more'))).toHaveLength(1);
    expect(await kept()).toBe('0');
    expect((await status()).notDeleted).toBeUndefined();
  });

  it.each([
    [undefined, 11, 9, 2],
    ['25 %', 11, 8, 0],
    ['30 %', 11, 8, 3],
    ['100 %', 11, 1, 10],
    ['100 %', 11, 0, 0],
    ['all', 11, 0, 11],
    [undefined, 2, 1, 1],
    [undefined, 1, 0, 0],
    ['0 %', 11, 10, 0],
  ])('that misses more than atMost: %s of %i records, %i stay, %i are deleted', async (atMost, all, stay, gone) => {
    const crm = await startCrm(ten().slice(0, all));
    const settings = atMost === undefined ? {} : { atMost };
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true, ...settings } } });
    await poll();
    crm.rows = ten().slice(0, stay);
    expect((await poll()).deleted).toHaveLength(gone);
  });

  it('that brought other records only, as after a change of its keys', async () => {
    const crm = await startCrm(rows('a', 'b'));
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true, atMost: '50 %' } } });
    await poll();
    crm.rows = rows('1', '2', '3', '4', '5', '6', '7', '8', '9');
    expect((await poll()).summary?.notDeleted?.reason).toContain('which is all of them');
  });

  it.each([
    ['as many records as were asked for', { query: { limit: '11' } }, 11],
    ['as many as APIs often give', {}, 10],
    ['as many as one page holds', { paging: { type: 'none' }, query: { size: 4 } }, 4],
  ])(
    'whose answer held %s, as the one before: a new record may have pushed the others out',
    async (_what, more, size) => {
      const all = ten().slice(0, size);
      const crm = await startCrm(all);
      const { poll } = await setUp({ crm: { url: crm.url, ...more, deletes: { missing: true, atMost: '50 %' } } });
      await poll();
      for (const id of ['n1', 'n2']) {
        crm.rows = [...rows(id), ...all.slice(1)];
        const { deleted, summary } = await poll();
        expect([deleted, summary?.notDeleted?.reason]).toEqual([[], expect.stringContaining(`held ${size} records`)]);
      }
      crm.rows = all.slice(1);
      expect((await poll()).deleted).toEqual(['a', 'n1', 'n2'].map((id) => tombstone(id)));
    },
  );

  it('whose answer grew to as many as APIs often give: an API that cuts it may have begun to', async () => {
    const numbered = (from: number, to: number) =>
      rows(...Array.from({ length: to - from }, (_, index) => `n${from + index}`));
    const crm = await startCrm(numbered(3, 52));
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    // Three records are new, and the API gives the newest 50.
    crm.rows = numbered(0, 50);
    const { deleted, summary } = await poll();
    expect([deleted, summary?.notDeleted?.reason]).toEqual([[], expect.stringContaining('held 50 records')]);
    crm.rows = numbered(0, 49);
    expect((await poll()).deleted).toHaveLength(3);
  });

  it('that brought a record without a key: it may be the one that is missing', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: crm.url, deletes: { missing: true } } });
    await poll();
    crm.rows = [...ten().slice(1), { updatedAt: AT }];
    const { deleted, summary } = await poll();
    expect(deleted).toEqual([]);
    expect(summary?.notDeleted?.reason).toContain('1 records of crm came without a key');
  });

  it('that only counted a record without a key, of the endpoint or of the one that it is polled for', async () => {
    const state = { list: [{ sku: 'a' }, { sku: 'b' }] as object[], all: ten() as object[] };
    const api = await startApi(({ url }, response) => {
      const letter = url.pathname.at(-1);
      if (url.pathname === '/list') return json(response, state.list);
      json(response, url.pathname === '/all' ? state.all : rows(`${letter}1`, `${letter}2`, `${letter}3`));
    });
    const counted = { badRecords: 'count', retries: 0 };
    const { poll } = await setUp({
      crm: { url: `${api.url}/all`, ...counted, deletes: { missing: true } },
      parents: { url: `${api.url}/list`, entity: 'inventory', ...counted },
      children: {
        url: `${api.url}/of/{{parent.sku}}`,
        parent: { endpoint: 'parents' },
        deletes: { missing: true, atMost: '100 %' },
      },
    });
    await poll();
    state.all = [...ten().slice(1), { updatedAt: AT }];
    state.list = [{ sku: 'a' }, { sku: null }];
    const { deleted, summaries } = await poll();
    expect(deleted).toEqual([]);
    expect(summaries[0]?.notDeleted?.reason).toContain('1 records of crm came without a key');
    expect(summaries[1]?.children?.[0]?.notDeleted?.reason).toContain('1 records of parents came without a key');
  });

  it('whose body says that more follows', async () => {
    const state = { ids: ['a', 'b', 'c'], more: false };
    const api = await startApi((_request, response) =>
      json(response, { data: rows(...state.ids), has_more: state.more }),
    );
    const { poll } = await setUp({ crm: { url: api.url, items: '$.data', deletes: { missing: true } } });
    await poll();
    Object.assign(state, { ids: ['a', 'b'], more: true });
    expect((await poll()).summary?.notDeleted?.reason).toContain('the body says that more pages follow');
    state.more = false;
    expect((await poll()).deleted).toEqual([tombstone('c')]);
  });

  it('over counted pages that moved: a second walk shows what is really gone', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: `${crm.url}/pages`, ...PAGES, deletes: { missing: true } } });
    await poll();
    // While page 2 is on its way, the first record goes, and the one after page 2 slides onto it.
    let isFirst = true;
    crm.onPage = (page) => {
      if (page === 2 && isFirst) crm.rows = ten().slice(1);
      isFirst &&= page !== 2;
    };
    expect((await poll()).deleted).toEqual([tombstone('a')]);
  });

  it('over pages that move each time', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: `${crm.url}/pages`, ...PAGES, deletes: { missing: true } } });
    await poll();
    let count = 0;
    crm.onPage = (page) => {
      if (page === 2) crm.rows = [...ten().slice(1), ...rows(`n${count++}`)];
    };
    expect((await poll()).summary?.notDeleted?.reason).toContain('the pages moved while they were read');
  });

  it('over counted pages costs no second walk while nothing is missing', async () => {
    const crm = await startCrm(ten());
    const { poll } = await setUp({ crm: { url: `${crm.url}/pages`, ...PAGES, deletes: { missing: true } } });
    await poll();
    const before = crm.paths.length;
    await poll();
    expect(crm.paths.length).toBe(2 * before);
  });
});

describe('endpoints that belong together', () => {
  it('delete what the children of one parent do not bring any more, and nothing when a child failed', async () => {
    const state = { a: ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'], b: ['b1', 'b2'], fails: false };
    const api = await startApi(({ url }, response) => {
      if (url.pathname === '/list') return json(response, [{ sku: 'a' }, { sku: 'b' }]);
      if (state.fails && url.pathname.endsWith('b')) return response.writeHead(400).end();
      json(response, rows(...(url.pathname.endsWith('b') ? state.b : state.a)));
    });
    const { poll } = await setUp({
      parents: { url: `${api.url}/list`, entity: 'inventory' },
      children: {
        url: `${api.url}/of/{{parent.sku}}`,
        parent: { endpoint: 'parents' },
        retries: 0,
        deletes: { missing: true },
      },
    });
    await poll();
    state.a = state.a.slice(1);
    state.fails = true;
    expect(await poll()).toMatchObject({ deleted: [], summary: { error: expect.stringContaining('400') } });
    state.fails = false;
    const { deleted, summary } = await poll();
    expect(deleted).toEqual([tombstone('a1')]);
    expect(summary?.children).toMatchObject([{ endpoint: 'children', deleted: 1 }]);
  });

  it('delete the children of a parent that is gone or marked as deleted', async () => {
    const state = { list: [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }] as object[] };
    const api = await startApi(({ url }, response) => {
      if (url.pathname === '/list') return json(response, state.list);
      const letter = url.pathname.at(-1);
      json(response, rows(`${letter}1`, `${letter}2`));
    });
    const { poll } = await setUp({
      parents: {
        url: `${api.url}/list`,
        entity: 'inventory',
        deletes: { when: 'has(raw.gone)', missing: true },
      },
      children: {
        url: `${api.url}/of/{{parent.sku}}`,
        parent: { endpoint: 'parents' },
        deletes: { missing: true, atMost: '50 %' },
      },
    });
    await poll();
    state.list = [{ sku: 'a' }, { sku: 'b', gone: true }, { sku: 'c' }];
    expect((await poll()).deleted).toEqual([tombstone('b1'), tombstone('b2')]);
    state.list = [{ sku: 'a' }];
    expect((await poll()).deleted).toEqual([tombstone('c1'), tombstone('c2')]);
  });

  it('leave a record to another endpoint that brings it: it has moved', async () => {
    const state: Record<string, Row[]> = { eu: ten(), us: rows('1', '2', '3') };
    const api = await startApi(({ url }, response) => json(response, state[url.pathname.slice(1)]));
    const { poll } = await setUp({
      crm: { url: `${api.url}/{{region}}`, for: { region: ['eu', 'us'] }, deletes: { missing: true } },
    });
    await poll();
    state.us = rows('1', '2', '3', 'k');
    await poll();
    state.eu = ten().slice(0, 9);
    expect((await poll()).deleted).toEqual([tombstone('j')]);
    state.us = rows('1', '2', '3');
    expect((await poll()).deleted).toEqual([tombstone('k')]);
  });

  it('do not count records that have moved to another one, however many', async () => {
    const state: Record<string, Row[]> = { open: ten(), closed: rows('1') };
    const api = await startApi(({ url }, response) => json(response, state[url.pathname.slice(1)]));
    const { poll, told } = await setUp({
      crm: { url: `${api.url}/{{state}}`, for: { state: ['open', 'closed'] }, deletes: { missing: true } },
    });
    await poll();
    const moved = ten().slice(0, 6);
    state.closed = [...rows('1'), ...moved];
    await poll();
    state.open = ten().slice(6);
    expect((await poll()).deleted).toEqual([]);
    expect(told()).toEqual([]);
    state.closed = [...rows('1'), ...moved.slice(0, 5)];
    expect((await poll()).deleted).toEqual([tombstone('f')]);
  });

  it('leave a record with the version under which they brought it', async () => {
    const later = '2026-06-01T00:00:00.000Z';
    const state: Record<string, Row[]> = { eu: [...ten(), ...rows('x')], us: [...ten(), ...rows('x')] };
    const api = await startApi(({ url }, response) => json(response, state[url.pathname.slice(1)]));
    const { poll } = await setUp({
      crm: { url: `${api.url}/{{region}}`, for: { region: ['eu', 'us'] }, deletes: { missing: true } },
    });
    await poll();
    state.eu = [...ten(), { id: 'x', updatedAt: later }];
    await poll();
    // The first leaves it to the second, which still knows its older version.
    Object.assign(state, { eu: ten(), us: ten() });
    expect((await poll()).deleted).toEqual([tombstone('x', later)]);
  });

  it('are deleted by a tombstone that is newer than what another endpoint brought since', async () => {
    const later = '2026-06-01T00:00:00.000Z';
    const state: Record<string, Row[]> = { all: ten(), changes: [] };
    const api = await startApi(({ url }, response) => json(response, state[url.pathname.slice(1)]));
    const { poll } = await setUp({
      all: { url: `${api.url}/all`, deletes: { missing: true } },
      changes: { url: `${api.url}/changes` },
    });
    await poll();
    state.changes = [
      { id: 'a', updatedAt: later },
      { id: 'unknown', updatedAt: later },
    ];
    await poll();
    state.all = ten().slice(1);
    state.changes = [];
    expect((await poll()).deleted).toEqual([tombstone('a', later)]);
  });

  it('are compared by polls over everything only, and know what the polls between them brought', async () => {
    const state = { rows: ten() };
    const api = await startApi(({ url }, response) =>
      json(response, url.searchParams.has('since') ? rows('n') : state.rows),
    );
    const { poll } = await setUp({
      crm: {
        url: api.url,
        incremental: { parameter: 'since' },
        resync: { every: '24h' },
        deletes: { missing: true },
      },
    });
    await poll();
    state.rows = ten().slice(1);
    expect((await poll()).deleted).toEqual([]);
    expect(api.paths.at(-1)).toContain('since');
  });
});
