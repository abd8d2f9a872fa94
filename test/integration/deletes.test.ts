import { createRegistry, memoryRunLog, ReleaseList, systemClock, topologyOf } from '@tributary/shared';
import type { ConsumeMessage } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import { redisCursorStore } from '../../producer/src/cursor/cursor-redis.js';
import type { KnownKeys, RunKeys } from '../../producer/src/cursor/known-keys.js';
import { redisKnownKeys } from '../../producer/src/cursor/known-keys-redis.js';
import { compileEndpoints } from '../../producer/src/endpoint.js';
import { createPollMetrics } from '../../producer/src/metrics.js';
import { openPublisher } from '../../producer/src/publish/open.js';
import { createDuties } from '../../producer/src/schedule/duties.js';
import { memoryStateStore } from '../../producer/src/schedule/states.js';
import { memoryTokenStores } from '../../producer/src/sources/rest/auth/token-store.js';
import { createSurroundings } from '../../producer/src/sources/surroundings.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { recordingLog } from '../../producer/test/support/log.js';
import { pipelineWith } from '../../producer/test/support/pipeline.js';
import { uniqueName } from '../services/handle.js';
import { onServers } from './everywhere.js';

interface Row {
  readonly id: string;
  readonly n: number;
}

/** A moment at which the process dies: the call does what it does, or not any more. */
type Death =
  | 'before a key is noted'
  | 'after the keys were noted'
  | 'before keys are buried'
  | 'before the cursor is saved';

class Killed extends Error {}

/** Polls of one endpoint on a real RabbitMQ and a real Redis, by producers that may die. */
async function setUp(settings: object, version: object = { version: 'n' }) {
  const crm: { rows: readonly Row[]; fails: boolean } = { rows: [], fails: false };
  const api = await startApi(({ url, headers }, response) => {
    const page = Number(url.searchParams.get('page') ?? '1');
    if (crm.fails && page > 1) return response.writeHead(500).end();
    const since = Number(url.searchParams.get('since') ?? '0');
    const etag = `"${Buffer.from(JSON.stringify(crm.rows)).toString('base64url')}"`;
    if (url.pathname === '/tagged' && headers['if-none-match'] === etag) return response.writeHead(304).end();
    const changed = crm.rows.filter(({ n }) => n >= since);
    const rows = url.pathname === '/pages' ? changed.slice((page - 1) * 3, page * 3) : changed;
    json(response, rows, url.pathname === '/tagged' ? { etag } : {});
  });
  const name = uniqueName('deletes');
  const queue = `${name}_customers`;
  const fields = { id: 'string', n: 'integer', gone: 'boolean?' };
  const customer = { dataset: 'customers', queue, key: 'id', fields, ...version };
  const crmSettings = { retries: 0, ...settings, url: `${api.url}${'url' in settings ? settings.url : ''}` };
  const config = pipelineWith({ crm: crmSettings }, { name, entities: { customer } });
  const { channel, redis } = await onServers(config);

  /** One poll by a new producer, which keeps nothing of the one before. */
  const poll = async (death?: Death, isFull = false) => {
    const releases = new ReleaseList();
    const { log, lines } = recordingLog();
    const die = (moment: Death): void => {
      if (death === moment) throw new Killed(moment);
    };
    const cursors = redisCursorStore(redis, name);
    const mortal = (keys: RunKeys): RunKeys => ({
      begin: () => keys.begin(),
      missing: (evenBuried) => keys.missing(evenBuried),
      all: () => keys.all(),
      claim: (...args) => keys.claim(...args),
      own: (...args) => keys.own(...args),
      live: (names) => keys.live(names),
      held: () => keys.held(),
      async note(batch) {
        die('before a key is noted');
        const earlier = await keys.note(batch);
        die('after the keys were noted');
        return earlier;
      },
      async bury(batch) {
        die('before keys are buried');
        await keys.bury(batch);
      },
    });
    const stored = redisKnownKeys(redis, name);
    const known: KnownKeys = { open: (...args) => mortal(stored.open(...args)), hear: stored.hear };
    try {
      const { publisher } = await openPublisher(
        { amqpUrl: inject('amqpUrl'), instance: 'one', topology: topologyOf(config), clock: systemClock, log },
        releases,
      );
      const surroundings = createSurroundings({
        limits: config.limits,
        proxies: {},
        clock: systemClock,
        tokens: memoryTokenStores(),
      });
      releases.add('the connections of the source', () => surroundings.close());
      const duties = createDuties(compileEndpoints(config), {
        publisher,
        surroundings,
        cursors: {
          ...cursors,
          async save(endpoint, cursor) {
            // Its conditions are dropped before a changed page is published; the cursor of the run itself follows at the end.
            const { validators } = await cursors.peek(endpoint);
            if (validators.length === 0 || cursor.validators.length > 0) die('before the cursor is saved');
            await cursors.save(endpoint, cursor);
          },
        },
        known,
        states: memoryStateStore(),
        runs: memoryRunLog(),
        metrics: createPollMetrics(createRegistry('test')),
        clock: systemClock,
        log,
        instance: 'one',
        signal: new AbortController().signal,
      });
      const runner = duties.get('crm')?.runner;
      const summary = await (isFull ? runner?.runInFull() : runner?.run());
      return { summary, lines };
    } finally {
      await releases.release();
    }
  };
  const take = async () => {
    const records: Record<string, unknown>[] = [];
    // What was confirmed is ready, or is about to be.
    const { messageCount } = await channel.checkQueue(queue);
    if (messageCount === 0) return records;
    await new Promise<void>((resolve, reject) => {
      const onMessage = (message: ConsumeMessage | null) => {
        records.push(JSON.parse(message?.content.toString() ?? '') as Record<string, unknown>);
        if (records.length === messageCount) channel.cancel(tag).then(() => resolve(), reject);
      };
      const tag = uniqueName('take');
      channel.consume(queue, onMessage, { noAck: true, consumerTag: tag }).catch(reject);
    });
    return records;
  };
  /** What a poll deletes. */
  const deletedBy = async (death?: Death, isFull?: boolean) => {
    await poll(death, isFull);
    return (await take()).filter(({ _deleted }) => _deleted === true);
  };
  return { crm, poll, take, deletedBy };
}

const rows = (...ids: string[]): Row[] => ids.map((id, index) => ({ id, n: index + 1 }));
const seven = () => rows('a', 'b', 'c', 'd', 'e', 'f', 'g');
const PAGES = { url: '/pages', paging: { type: 'page', size: 3, sizeParameter: 'size' } };

describe('records that an API leaves out', () => {
  test.each<[Death, object]>([
    ['before a key is noted', {}],
    ['after the keys were noted', {}],
    ['before keys are buried', {}],
    ['before the cursor is saved', {}],
    // If the cursor were saved first, a 304 would hide what was not deleted.
    ['before keys are buried', { url: '/tagged' }],
    ['before the cursor is saved', { url: '/tagged' }],
  ])('are deleted, however the producer dies %s (%j)', async (death, settings) => {
    const { crm, poll, deletedBy } = await setUp({ ...settings, deletes: { missing: true } });
    crm.rows = [...seven(), { id: 'x', n: 42 }];
    await poll();
    crm.rows = seven();
    const wanted = [{ id: 'x', n: 42, _deleted: true }];
    const before = await deletedBy(death);
    // The keys were noted, and no tombstone is owed before the walk was complete.
    const isLate = death.includes('buried') || death.includes('saved');
    expect(before).toEqual(isLate ? wanted : []);
    const again = await deletedBy();
    expect(again).toEqual(death === 'before the cursor is saved' ? [] : wanted);
    expect(await deletedBy()).toEqual([]);
  });

  test('are known also if the producer died between noting a record and its publish, or right after', async () => {
    const { crm, poll, deletedBy } = await setUp({ deletes: { missing: true } });
    crm.rows = seven();
    await poll();
    crm.rows = [...seven(), { id: 'x', n: 42 }];
    await poll('after the keys were noted');
    crm.rows = seven();
    expect(await deletedBy()).toEqual([{ id: 'x', n: 42, _deleted: true }]);
  });

  test('stay after a walk that failed or came back suspiciously small, and go after one that did not', async () => {
    const { crm, poll, deletedBy } = await setUp({ ...PAGES, deletes: { missing: true } });
    crm.rows = seven();
    await poll();
    crm.rows = seven().slice(1);
    crm.fails = true;
    expect((await poll()).summary?.error).toContain('500');
    crm.fails = false;
    crm.rows = seven().slice(4);
    expect((await poll()).summary?.notDeleted).toMatchObject({ records: 4 });
    crm.rows = seven().slice(1);
    expect(await deletedBy()).toEqual([{ id: 'a', n: 1, _deleted: true }]);
  });

  test('are found by a resync, also those that only polls for changes have brought', async () => {
    const { crm, poll, deletedBy } = await setUp({
      incremental: { parameter: 'since' },
      resync: { every: '24h' },
      deletes: { missing: true, atMost: '50 %' },
    });
    crm.rows = seven();
    await poll();
    crm.rows = [...seven(), { id: 'x', n: 42 }];
    expect((await poll()).summary).toMatchObject({ records: 2 });
    crm.rows = [...seven().slice(1), { id: 'y', n: 43 }];
    expect(await deletedBy()).toEqual([]);
    const wanted = [
      { id: 'a', n: 1, _deleted: true },
      { id: 'x', n: 42, _deleted: true },
    ];
    const deleted = await deletedBy('before the cursor is saved', true);
    expect(deleted.sort((a, b) => Number(a.n) - Number(b.n))).toEqual(wanted);
    expect(await deletedBy(undefined, true)).toEqual([]);
  });

  test('are deleted, also those that the API marks, where records have no version', async () => {
    const { crm, poll, deletedBy } = await setUp({ deletes: { when: 'gone == true', missing: true } }, {});
    crm.rows = seven();
    await poll();
    crm.rows = seven()
      .slice(1)
      .map((row) => (row.id === 'c' ? { ...row, gone: true } : row));
    expect(await deletedBy()).toEqual([
      { id: 'c', _deleted: true },
      { id: 'a', _deleted: true },
    ]);
  });

  test('are found among more keys than one answer of Redis holds', async () => {
    const { crm, poll, take, deletedBy } = await setUp({ deletes: { missing: true } });
    const many = Array.from({ length: 2_503 }, (_, index) => ({ id: `k${index}`, n: index }));
    crm.rows = many;
    await poll();
    await take();
    crm.rows = many.filter(({ n }) => n % 7 !== 0);
    const deleted = await deletedBy();
    expect(new Set(deleted.map(({ id }) => id)).size).toBe(358);
    expect(deleted.every(({ n }) => Number(n) % 7 === 0)).toBe(true);
  });
});
