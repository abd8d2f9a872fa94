import { connectBroker, createRegistry, RetryableError, systemClock, topologyOf } from '@tributary/shared';
import fc from 'fast-check';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Cursor, type CursorStore, memoryCursorStore } from '../../src/cursor/cursor.js';
import { memoryKnownKeys } from '../../src/cursor/known-keys.js';
import { createPollMetrics } from '../../src/metrics.js';
import { MissingNews } from '../../src/poll/missing-news.js';
import { poll } from '../../src/poll/poll.js';
import { PollProgress } from '../../src/poll/progress.js';
import { type Walk, Walks } from '../../src/poll/walks.js';
import { createIds } from '../../src/publish/ids.js';
import { Publisher } from '../../src/publish/publisher.js';
import { EndpointFindings } from '../../src/shape/endpoint-findings.js';
import { compileShape } from '../../src/shape/shape.js';
import { Gate } from '../../src/sources/gate.js';
import type { Page, PageRequest, Source } from '../../src/sources/port.js';
import { memoryTokenStores } from '../../src/sources/rest/auth/token-store.js';
import { Pauses } from '../../src/sources/rest/pauses.js';
import { RestSource } from '../../src/sources/rest/rest.js';
import { json, startApi } from '../support/api.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';
import { endpointWith, pipelineWith } from '../support/pipeline.js';
import { startRiggedBroker } from '../support/rigged-broker.js';

const paging = { type: 'cursor', next: '$.next' };

/** Everything a poll goes through, real but for Redis and time. */
async function setUp(settings: object, cursors: CursorStore = memoryCursorStore(), other?: Source) {
  const broker = await startRiggedBroker();
  const { log, lines } = recordingLog();
  const clock = new ManualClock();
  const connection = await connectBroker({ urls: broker.url, connectionName: 'test', log });
  // Its waits are real: they are those of the broker, not of the schedule.
  const real = systemClock;
  const publisher = new Publisher({ connection, topology: topologyOf(pipelineWith({})), clock: real, log });
  const dispatcher = new Agent();
  onTestFinished(async () => {
    publisher.close();
    await connection.close();
    await dispatcher.destroy();
  });
  const saved: Cursor[] = [];
  const noted: CursorStore = {
    ...cursors,
    async save(endpoint, cursor) {
      saved.push(cursor);
      await cursors.save(endpoint, cursor);
    },
  };
  const endpoint = endpointWith({ retries: 0, ...settings });
  const rest = new RestSource(endpoint, {
    dispatcher,
    gate: new Gate(pipelineWith({}).limits, clock),
    pauses: new Pauses(clock),
    tokens: memoryTokenStores(),
    clock,
    random: () => 0,
    onRetry: () => {},
    onDoubt: () => {},
  });
  const metrics = createPollMetrics(createRegistry('test'));
  const shape = compileShape(endpoint.entity.config, endpoint.config, new EndpointFindings(endpoint, metrics, log));
  const steps = {
    source: other ?? rest,
    shape,
    publisher,
    cursors: noted,
    known: memoryKnownKeys(),
    missingNews: new MissingNews(log),
    clock,
    ids: createIds(),
  };
  const stop = new AbortController();
  const run = async () => {
    const progress = new PollProgress(endpoint, metrics, log);
    await poll(endpoint, steps, progress, stop.signal);
    return progress.summary(0);
  };
  const queue = () => broker.server.getBroker().getQueue('customer_data');
  const take = () => {
    const records: Record<string, unknown>[] = [];
    for (let message = queue()?.get({ noAck: true }); message; message = queue()?.get({ noAck: true })) {
      records.push(JSON.parse(String(message.content)) as Record<string, unknown>);
    }
    return records;
  };
  const takeId = () => {
    const message = queue()?.get({ noAck: true });
    return message === undefined ? undefined : String(message.properties.messageId);
  };
  return { broker, publisher, clock, lines, saved, stop, run, take, takeId, queued: () => queue()?.messageCount ?? 0 };
}

const customer = (id: string, updatedAt = '2026-03-01T11:00:00Z') => ({ id, updatedAt, extra: [1] });
/** The same in canonical form: the declared fields, and times as they are compared. */
const canonical = (id: string) => ({ id, updatedAt: '2026-03-01T11:00:00.000Z' });

/** The lines that tell of a record without a key: they say where it was. */
const keyless = (lines: readonly Record<string, unknown>[]) => lines.filter(({ page }) => page !== undefined);

describe('a poll', () => {
  it('publishes every record of every page in canonical form, and says what it did', async () => {
    const api = await startApi(({ url }, response) => {
      const second = url.searchParams.has('cursor');
      json(response, { data: second ? [customer('c')] : [customer('a'), customer('b')], next: second ? null : 'x' });
    });
    const { run, take } = await setUp({ url: api.url, items: '$.data', paging });
    expect(await run()).toEqual({
      endpoint: 'crm',
      run: 1,
      pages: 2,
      records: 3,
      published: 3,
      notModified: 0,
      durationMs: 0,
    });
    expect(take()).toEqual([canonical('a'), canonical('b'), canonical('c')]);
    expect((await run()).run).toBe(2);
  });

  it('uses later message ids than a run that died, though the clock of its producer was ahead', async () => {
    const NOON = Date.parse('2026-03-01T12:00:00Z');
    const api = await startApi(({ url }, response) => {
      if (url.searchParams.has('cursor')) return response.writeHead(400).end();
      // The clock is set while the run goes on.
      ahead.clock.set(NOON + 3_600_000);
      json(response, { data: [customer('a')], next: 'x' });
    });
    const cursors = memoryCursorStore();
    const settings = { url: api.url, items: '$.data', paging };
    const ahead = await setUp(settings, cursors);
    await expect(ahead.run()).rejects.toThrow('400');
    const other = await setUp(settings, cursors);
    await expect(other.run()).rejects.toThrow('400');
    await vi.waitFor(() => expect([ahead.queued(), other.queued()]).toEqual([1, 1]));
    const [first, second] = [ahead.takeId(), other.takeId()];
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(String(second) > String(first)).toBe(true);
  });

  it('uses later message ids than all runs before, also after many that the clock is behind', async () => {
    const NOON = Date.parse('2026-03-01T12:00:00Z');
    const api = await startApi((_request, response) => json(response, { data: [customer('a')], next: null }));
    const settings = { url: api.url, items: '$.data', paging };
    // The half of what chance starts with would be later anyway.
    for (let times = 0; times < 10; times++) {
      const cursors = memoryCursorStore();
      await cursors.begin(endpointWith(settings), NOON + 3_600_000);
      const ids: string[] = [];
      for (const producer of [await setUp(settings, cursors), await setUp(settings, cursors)]) {
        await producer.run();
        await producer.run();
        ids.push(String(producer.takeId()), String(producer.takeId()));
      }
      expect(ids).toEqual([...ids].sort());
    }
  });

  it('asks for a page as a whole after a run that published its change and died: it may be as it was before', async () => {
    const state = { first: [customer('a')], fails: false };
    const api = await startApi(({ url, headers }, response) => {
      const isSecond = url.searchParams.has('cursor');
      if (isSecond && state.fails) return response.writeHead(400).end();
      const data = isSecond ? [customer('z')] : state.first;
      const etag = `"${data.map(({ id, updatedAt }) => `${id}${updatedAt}`).join('')}"`;
      if (headers['if-none-match'] === etag) return response.writeHead(304).end();
      json(response, { data, next: isSecond ? null : 'x' }, { etag });
    });
    const cursors = memoryCursorStore();
    const start = () => setUp({ url: api.url, items: '$.data', paging }, cursors);
    const one = await start();
    await one.run();
    expect((await one.run()).notModified).toBe(2);
    one.take();
    state.first = [customer('a', '2026-03-01T12:00:00Z')];
    state.fails = true;
    await expect(one.run()).rejects.toThrow('400');
    expect(one.take()).toHaveLength(1);
    Object.assign(state, { first: [customer('a')], fails: false });
    const other = await start();
    await other.run();
    expect(other.take()).toContainEqual(canonical('a'));
    expect((await other.run()).notModified).toBe(2);
  });

  it('advances the cursor only when the broker has confirmed every message', async () => {
    const api = await startApi((_request, response) => json(response, [customer('a'), customer('b')], { etag: '"1"' }));
    const { broker, run, saved, queued } = await setUp({ url: api.url, incremental: { parameter: 'since' } });
    broker.confirm(false);
    const polling = run();
    await vi.waitFor(() => expect(queued()).toBe(2));
    expect(saved).toEqual([]);
    broker.confirm(true);
    await polling;
    expect(saved).toEqual([{ mark: '2026-03-01T11:00:00.000Z', validators: [{ url: `${api.url}/`, etag: '"1"' }] }]);
  });

  it('asks next for what changed since, less the overlap, and again the same while nothing does', async () => {
    const api = await startApi((_request, response) => json(response, [customer('a')]));
    const { run } = await setUp({ url: `${api.url}/c`, incremental: { parameter: 'since', overlap: '10s' } });
    for (let index = 0; index < 3; index++) await run();
    const since = `/c?since=${encodeURIComponent('2026-03-01T10:59:50.000Z')}`;
    expect(api.paths).toEqual(['/c', since, since]);
  });

  it('publishes nothing, for one request, when nothing changed', async () => {
    const api = await startApi(({ headers }, response) => {
      if (headers['if-none-match'] === '"1"') return response.writeHead(304).end();
      json(response, [customer('a')], { etag: '"1"' });
    });
    const { run, take } = await setUp({ url: api.url });
    await run();
    take();
    expect(await run()).toMatchObject({ pages: 1, records: 0, published: 0, notModified: 1 });
    expect(await run()).toMatchObject({ notModified: 1 });
    expect([take(), api.asked.length]).toEqual([[], 3]);
  });

  it('repeats everything after a failure on a later page, and keeps the old cursor', async () => {
    const api = await startApi(({ url }, response, number) => {
      if (url.searchParams.has('cursor') && number === 1) return response.writeHead(400).end();
      json(response, { data: [customer(url.searchParams.get('cursor') ?? 'a')], next: url.search ? null : 'x' });
    });
    const { run, saved, take } = await setUp({ url: api.url, items: '$.data', paging });
    await expect(run()).rejects.toMatchObject({ code: 'http_400' });
    expect(saved).toEqual([]);
    expect(await run()).toMatchObject({ run: 2, records: 2, published: 2 });
    expect(take().map(({ id }) => id)).toEqual(['a', 'a', 'x']);
  });

  it('does not advance the cursor when a message has nowhere to go', async () => {
    const api = await startApi((_request, response) => json(response, [customer('a')]));
    const { broker, publisher, run, saved } = await setUp({ url: api.url });
    await vi.waitFor(() => expect(publisher.problem).toBeUndefined());
    broker.server.getBroker().deleteQueue('customer_data');
    await expect(run()).rejects.toThrow('queue "customer_data" is gone');
    expect(saved).toEqual([]);
    await run();
    expect(saved).toHaveLength(1);
  });

  it('publishes records without a key too, and says once where to look', async () => {
    const records = [customer('a'), { name: 'no key' }, 'not even an object', { id: null }];
    const api = await startApi((_request, response) => json(response, records));
    const { run, take, lines } = await setUp({ url: api.url });
    expect(await run()).toMatchObject({ records: 4, published: 4 });
    expect(take()).toEqual([canonical('a'), ...records.slice(1)]);
    expect(keyless(lines)).toMatchObject([
      {
        level: 'warn',
        endpoint: 'crm',
        entity: 'customer',
        page: 1,
        record: 2,
        msg: expect.stringContaining('no key'),
      },
    ]);
  });

  it('only counts records without a key where it is told to', async () => {
    const api = await startApi((_request, response) => json(response, [customer('a'), { name: 'no key' }]));
    const { run, take, lines } = await setUp({ url: api.url, badRecords: 'count' });
    expect(await run()).toMatchObject({ records: 2, published: 1 });
    expect(take()).toEqual([canonical('a')]);
    expect(keyless(lines)).toMatchObject([{ level: 'warn', msg: expect.stringContaining('left out') }]);
  });

  it('carries large and strange records', async () => {
    const records = [
      { id: 'a', name: 'x'.repeat(5_000_000) },
      { id: '=1+1', name: '"\r\n\u0000;😀\ud800' },
    ];
    const api = await startApi((_request, response) => json(response, records));
    const { run, take } = await setUp({ url: api.url });
    await run();
    expect(take()).toEqual(JSON.parse(JSON.stringify(records)));
  });

  it('polls everything when the cursor is lost', async () => {
    const api = await startApi((_request, response) => json(response, [customer('a')], { etag: '"1"' }));
    const settings = { url: `${api.url}/c`, incremental: { parameter: 'since' } };
    await (await setUp(settings)).run();
    await (await setUp(settings)).run();
    expect(api.paths).toEqual(['/c', '/c']);
    expect(api.asked[1]?.headers['if-none-match']).toBeUndefined();
  });

  it('can be stopped while the cursor store does not answer, and while it fetches', async () => {
    const away: CursorStore = {
      begin: () => new Promise(() => {}),
      reached: async () => {},
      save: async () => {},
      reset: async () => {},
      lose: async () => {},
      stepBack: async () => {},
      goBack: async () => {},
      peek: async () => ({ validators: [] }),
    };
    const one = await setUp({ url: 'http://127.0.0.1:1/' }, away);
    const waiting = one.run();
    one.stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');

    const silent = await startApi(() => {});
    const two = await setUp({ url: silent.url });
    const fetching = two.run();
    await vi.waitFor(() => expect(silent.asked).toHaveLength(1));
    two.stop.abort(new Error('stopping'));
    await expect(fetching).rejects.toThrow('stopping');
  });
});

describe('a poll of pages that move while they are read', () => {
  const at = (minute: number) => `2026-03-01T11:${String(minute).padStart(2, '0')}:00.000Z`;
  const settings = { items: '$.data', incremental: { parameter: 'since', overlap: '0s' } };
  const pagings: [string, object][] = [
    ['page', { type: 'page', size: 2 }],
    ['offset', { type: 'offset', size: 2 }],
    ['next-url', { type: 'next-url', next: '$.next' }],
    ['a cursor that is an offset', { type: 'cursor', parameter: 'offset', next: '$.nextOffset' }],
  ];

  /** Customers in the order of their change, two a page; `meanwhile` is told of each request that was answered. */
  async function movingApi(rows: Map<string, string>, meanwhile: (request: number) => void) {
    return await startApi(({ url }, response, number) => {
      const { searchParams } = url;
      const found = [...rows]
        .map(([id, updatedAt]) => ({ id, updatedAt }))
        .filter(({ updatedAt }) => updatedAt >= (searchParams.get('since') ?? ''))
        .sort((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1));
      const page = Number(searchParams.get('page') ?? 1);
      const offset = Number(searchParams.get('offset') ?? (page - 1) * 2);
      const last = offset + 2 >= found.length;
      json(response, {
        data: found.slice(offset, offset + 2),
        next: last ? null : `/?page=${page + 1}`,
        nextOffset: last ? null : offset + 2,
      });
      meanwhile(number);
    });
  }

  it.each(pagings)('misses no record that slides onto a page already read (%s)', async (_type, paging) => {
    const rows = new Map(['a', 'b', 'c', 'd', 'e'].map((id, index) => [id, at(index)]));
    const api = await movingApi(rows, (request) => {
      // After the first page: "a" is sorted to the end, and "c" slides to where "b" was.
      if (request === 0) rows.set('a', at(30));
    });
    const { run, take, saved } = await setUp({ ...settings, url: api.url, paging });
    await run();
    expect(new Set(take().map(({ id }) => id))).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
    expect(saved).toMatchObject([{ mark: at(30) }]);
  });

  it.each(pagings)(
    'keeps the mark where it was when they never stand still, and says so (%s)',
    async (_type, paging) => {
      const rows = new Map(['a', 'b', 'c', 'd', 'e'].map((id, index) => [id, at(index)]));
      let moving = true;
      let minute = 30;
      const api = await movingApi(rows, () => {
        if (moving) rows.set('a', at(minute++));
      });
      const { run, take, saved, lines } = await setUp({ ...settings, url: api.url, paging });
      await run();
      expect(saved).toEqual([{ validators: [] }]);
      expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([{ msg: expect.stringContaining('moved') }]);
      moving = false;
      take();
      await run();
      expect(new Set(take().map(({ id }) => id))).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
      expect(saved[1]).toMatchObject({ mark: at(minute - 1) });
    },
  );

  it('never passes what a walk may have missed, when records change and disappear while it reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), goes: fc.boolean() })),
        async (plan) => {
          const rows = new Map(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id, index) => [id, at(index)]));
          let minute = 20;
          const source = pagesOf(rows, () => {
            const step = plan.shift();
            if (step === undefined) return;
            if (step.goes) rows.delete(step.id);
            else rows.set(step.id, at(minute++ % 60));
          });
          const seen = new Map<string, string>();
          const walks = new Walks(
            endpointWith({ ...settings, url: 'http://127.0.0.1:1/', paging: { type: 'page', size: 2 } }),
            { validators: [] },
            NOON,
            true,
          );
          let walk: Walk;
          do {
            walk = walks.begin(NOON);
            for (const page of source()) {
              walk.page(page);
              for (const record of page.records) {
                seen.set(record.id, record.updatedAt);
                walk.record({ envelope: { key: record.id, version: record.updatedAt } });
              }
            }
          } while (walks.again(walk));
          const { mark = '' } = walks.cursor();
          for (const [id, updatedAt] of rows) if (updatedAt < mark) expect([id, seen.get(id)]).toEqual([id, updatedAt]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

const NOON = Date.parse('2026-03-01T12:00:00Z');

/** Pages of two, found by their number, of rows that change between one page and the next. */
function pagesOf(rows: Map<string, string>, meanwhile: () => void) {
  return function* () {
    for (let offset = 0; ; offset += 2) {
      const sorted = [...rows]
        .map(([id, updatedAt]) => ({ id, updatedAt }))
        .sort((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1));
      const records = sorted.slice(offset, offset + 2);
      yield {
        records,
        fetchedAt: NOON,
        serverTime: undefined,
        notModified: false,
        counted: offset > 0,
        validator: undefined,
      };
      if (records.length === 0) return;
      meanwhile();
    }
  };
}

describe('a mark that cannot move', () => {
  const at = '2026-03-01T11:00:00Z';
  const answer = (count: number, time: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => customer(`c${index}`, time(index)));

  it.each([
    ['a full answer of one time', 'limit=3', 3, () => at, 1],
    ['a round number of one time', '', 50, () => at, 1],
    ['an answer that is not full', 'limit=5', 3, () => at, 0],
    ['records of several times', 'limit=3', 3, (index: number) => `2026-03-01T11:00:0${index}Z`, 0],
  ])('is told of %s', async (_what, query, count, time, told) => {
    const api = await startApi((_request, response) => json(response, answer(count, time)));
    const { run, lines } = await setUp({ url: `${api.url}/?${query}`, incremental: { parameter: 'since' } });
    await run();
    expect(lines.filter(({ msg }) => msg.includes('the page is full'))).toHaveLength(0);
    await run();
    expect(lines.filter(({ msg }) => msg.includes('the page is full'))).toHaveLength(told);
  });
});

describe('an endpoint with where', () => {
  it('leaves records out, counts them, and does not ask for them again', async () => {
    const records = [
      customer('a'),
      { ...customer('b'), name: 'draft' },
      { ...customer('c', '2026-03-01T11:30:00Z'), name: 'draft' },
    ];
    const api = await startApi((_request, response) => json(response, records));
    const settings = {
      url: `${api.url}/c`,
      where: 'name == null || name != "draft"',
      incremental: { parameter: 'since' },
    };
    const { run, take, saved } = await setUp(settings);
    expect(await run()).toMatchObject({ records: 3, published: 1, filtered: 2 });
    expect(take()).toEqual([canonical('a')]);
    expect(saved).toMatchObject([{ mark: '2026-03-01T11:30:00.000Z' }]);
  });
});

describe('a poll of a source in the order of versions', () => {
  const at = (minute: number) => `2026-03-01T11:0${minute}:00.000Z`;
  const pageOf = (minute: number): Page => ({
    records: [customer(`c${minute}`, at(minute))],
    fetchedAt: 0,
    serverTime: undefined,
  });

  /** Pages, one a minute; the last of them cannot be read the first time. */
  function source(isInOrder: boolean) {
    const asked: (string | number | undefined)[] = [];
    return {
      asked,
      countsPages: false,
      isInOrder,
      async *pages({ since }: PageRequest) {
        asked.push(since);
        for (const minute of [1, 2, 3, 4]) {
          if (minute === 4 && asked.length === 1) throw new RetryableError('network', 'gone');
          if (since === undefined || at(minute) >= String(since)) yield pageOf(minute);
        }
      },
    };
  }

  const settings = { url: 'http://127.0.0.1:1/', incremental: { parameter: 'since' } };

  it('saves how far it came when a page is confirmed, and goes on there after it has died', async () => {
    const read = source(true);
    const { run, saved, take } = await setUp(settings, memoryCursorStore(), read);
    await expect(run()).rejects.toThrow('gone');
    // The last page that was read is published, and not known to be confirmed.
    expect(saved).toEqual([
      { mark: at(1), validators: [] },
      { mark: at(2), validators: [] },
    ]);
    await run();
    expect(read.asked).toEqual([undefined, '2026-03-01T11:01:55.000Z']);
    expect(take().map(({ id }) => id)).toEqual(['c1', 'c2', 'c3', 'c2', 'c3', 'c4']);
    expect(saved.at(-1)).toEqual({ mark: at(4), validators: [] });
  });

  it('saves nothing on the way where records come in any order', async () => {
    const read = source(false);
    const { run, saved } = await setUp(settings, memoryCursorStore(), read);
    await expect(run()).rejects.toThrow('gone');
    expect(saved).toEqual([]);
    await run();
    expect(read.asked).toEqual([undefined, undefined]);
  });

  it('saves nothing on the way of a walk that looks for what is missing: it has to be one piece', async () => {
    const read = source(true);
    const more = { deletes: { missing: true }, resync: { every: '1h' } };
    const { run, saved } = await setUp({ ...settings, ...more }, memoryCursorStore(), read);
    await expect(run()).rejects.toThrow('gone');
    expect(saved).toEqual([]);
  });
});

describe('a poll of a source that goes by a place', () => {
  /** Three pages; the last of them cannot be read the first time. The second page has the place of the first. */
  function source() {
    const asked: unknown[] = [];
    return {
      asked,
      countsPages: false,
      async *pages({ place }: PageRequest) {
        asked.push(place);
        const from = (place as { read: number } | undefined)?.read ?? 0;
        const first: Page = { records: [customer('c1')], fetchedAt: 0, serverTime: undefined, place: { read: 1 } };
        if (from < 1) yield first;
        yield { records: [customer('c2')], fetchedAt: 0, serverTime: undefined };
        if (asked.length === 1) throw new RetryableError('network', 'gone');
        yield { records: [customer('c3')], fetchedAt: 0, serverTime: undefined, place: { read: 3 } };
      },
    };
  }

  const settings = { url: 'http://127.0.0.1:1/' };

  it('saves a new place when all before it is confirmed, and gives it to the next run', async () => {
    const read = source();
    const { run, saved, take } = await setUp(settings, memoryCursorStore(), read);
    await expect(run()).rejects.toThrow('gone');
    expect(saved).toEqual([{ place: { read: 1 }, validators: [] }]);
    await run();
    expect(read.asked).toEqual([undefined, { read: 1 }]);
    expect(take().map(({ id }) => id)).toEqual(['c1', 'c2', 'c2', 'c3']);
    expect(saved.at(-1)).toEqual({ place: { read: 3 }, validators: [] });
  });

  it('saves no place on the way of a walk that looks for what is missing: it has to be one piece', async () => {
    const { run, saved } = await setUp({ ...settings, deletes: { missing: true } }, memoryCursorStore(), source());
    await expect(run()).rejects.toThrow('gone');
    expect(saved).toEqual([]);
  });
});
