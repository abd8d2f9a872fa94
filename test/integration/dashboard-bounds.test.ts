import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger, datasetsOf, systemClock } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { createPostgresSink } from '../../consumer/src/sinks/postgres/sink.js';
import { sampleConfig, writePart } from '../../dashboard/test/sample.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const ROWS = 30_000;
/** For machines that are busy. */
const PATIENT = { timeout: 45_000, interval: 100 };
/** So that a statement which waits for a lock ends by being cancelled, and by nothing else. */
const UNHURRIED = 'lock_timeout=600000&statement_timeout=600000&query_timeout=600000';

/** A dashboard over rows in Postgres, and one over rows in CSV files. */
describe('a dashboard that is asked for too much, or for what is wrong', () => {
  const releases: (() => unknown)[] = [];
  const dashboards: Record<string, Dashboard> = {};
  const schema = uniqueName('bounds');
  let database: Client;
  let auditLog: string;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bounds-'));
    releases.push(() => rm(folder, { recursive: true }));
    await writePart(folder, [{ key: 'a', at: 1, values: { note: 'red', spent: 2.5, balance: '19.90', points: 7 } }]);
    const url = inject('postgresUrl');
    const sample = sampleConfig(folder, 'postgres');
    const config = {
      ...sample,
      sink: { ...sample.sink, postgres: { schema, history: false, deletes: 'remove' as const } },
    };
    database = new Client({ connectionString: url });
    await database.connect();
    releases.push(async () => {
      await database.query(
        `SET client_min_messages TO warning; DROP SCHEMA IF EXISTS ${escapeIdentifier(schema)} CASCADE`,
      );
      await database.end();
    });
    const datasets = datasetsOf(config);
    const sink = createPostgresSink({
      url,
      schema,
      history: false,
      deletes: 'remove',
      pipeline: 'sample',
      datasets,
      clock: systemClock,
    });
    await sink.beginEpoch('sink.run.1');
    await sink.open('writer-1', 'sink.run.1');
    await sink.close();
    await database.query(
      `INSERT INTO ${escapeIdentifier(schema)}.customers
         (id, name, note, spent, balance, points, "updatedAt", _key, _hash, _version, _message_id, _order, _written_at)
       SELECT k, k, repeat('x', 400), 2.5, 19.90, 7, now(), k, k, k, k, k, now()
         FROM (SELECT 'k' || n AS k FROM generate_series(1, ${ROWS}) AS n) AS keys`,
    );
    const common = { port: 0, host: '127.0.0.1', instance: 'test', log, auditLog: join(folder, 'audit.jsonl') };
    // Each client comes from an address of its own, through a proxy.
    const options = { ...common, reading: 'open', trustProxy: 1 } as const;
    const unhurried = `${url}${url.includes('?') ? '&' : '?'}${UNHURRIED}`;
    dashboards.postgres = createDashboard({ ...options, config, postgresUrl: unhurried });
    dashboards.brief = createDashboard({ ...options, config, postgresUrl: url, longestAnswer: 3_000 });
    auditLog = common.auditLog;
    dashboards.csv = createDashboard({ ...options, config: sampleConfig(folder) });
    for (const dashboard of Object.values(dashboards)) {
      await dashboard.start();
      releases.push(() => dashboard.stop());
    }
  });
  afterAll(async () => {
    for (const release of releases.reverse()) await release();
  });

  /** Asks, and reads nothing of the answer. */
  const open = (path: string, from: string) => {
    const asked: ClientRequest = request(`${dashboards.postgres?.url}${path}`, {
      headers: { 'x-forwarded-for': from },
    });
    asked.on('error', () => {}).end();
    const begun = once(asked, 'response').then(([answer]) => answer as IncomingMessage);
    begun.catch(() => {});
    return { asked, begun };
  };
  const sessions = async (condition: string) => {
    const { rows } = await database.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity WHERE application_name = 'tributary dashboard' AND ${condition}`,
    );
    return rows.map(({ query }) => query);
  };

  it('keeps Postgres free for others while six downloads, and more, are not read', async () => {
    const downloads = Array.from({ length: 12 }, (_, index) =>
      open('/api/datasets/customers.csv', `10.0.0.${index % 6}`),
    );
    try {
      // Which three come first is up to the machine. A download is active until the buffers on its way are full.
      await vi.waitFor(
        async () => expect(await sessions("state = 'idle in transaction' AND query LIKE 'FETCH%'")).toHaveLength(3),
        PATIENT,
      );
      const get = (path: string) =>
        fetch(`${dashboards.postgres?.url}${path}`, { headers: { 'x-forwarded-for': '10.0.1.1' } });
      for (const path of ['/rows?search=k7', '', '/rows?where=spent:above:1', '/facets']) {
        expect([path, (await get(`/api/datasets/customers${path}`)).status]).toEqual([path, 200]);
      }
      // One that others wait for may have given way meanwhile.
      const held = await sessions("state = 'idle in transaction' AND query LIKE 'FETCH%'");
      expect(held.length).toBeLessThanOrEqual(3);
    } finally {
      for (const { asked } of downloads) asked.destroy();
    }
    await vi.waitFor(
      async () => expect(await sessions("state <> 'idle' AND query LIKE 'FETCH%'")).toEqual([]),
      PATIENT,
    );
  });

  it.each([
    '/api/datasets/customers.csv',
    '/api/datasets/customers.ndjson',
    `/api/sql.csv?query=${encodeURIComponent('SELECT repeat(md5(g::text), 30) AS x FROM generate_series(1, 5000000) g')}`,
    `/api/sql.ndjson?query=${encodeURIComponent('SELECT a.* FROM customers a, generate_series(1, 99) g')}`,
  ])('ends %s, and its transaction, after a while, however steadily its reader takes a little', async (path) => {
    const ask = async () => {
      const asked = request(`${dashboards.brief?.url}${path}`, { headers: { 'x-forwarded-for': '10.0.7.1' } });
      asked.on('error', () => {}).end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      return { asked, answer };
    };
    // On a busy machine the time may be over before the answer has begun.
    const { asked, answer } = await vi.waitFor(ask);
    answer.on('error', () => {});
    const closed = new Promise((resolve) => answer.on('close', resolve));
    const dripping = setInterval(() => void answer.read(1_024), 100);
    try {
      const open = () =>
        database.query(
          "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'tributary dashboard%' AND backend_xmin IS NOT NULL",
        );
      expect((await open()).rows).toHaveLength(1);
      await vi.waitFor(async () => expect((await open()).rows).toEqual([]), { interval: 100 });
      answer.resume();
      await closed;
      expect(answer.complete).toBe(false);
    } finally {
      clearInterval(dripping);
      asked.destroy();
    }
  });

  it.each([
    ['control characters', '\u0001'],
    ['characters of three bytes', '\u6c34'],
    ['quotes', '"'],
    ['halves of characters', '\ud83d'],
  ])('keeps 2,000 bytes of a query in the audit log, and the hash of the whole: %s', async (_what, character) => {
    const query = `SELECT 1 AS a -- ${character.repeat(7_900)}`;
    const headers = { 'x-forwarded-for': '10.0.8.1', 'content-type': 'application/json' };
    const answer = await fetch(`${dashboards.postgres?.url}/api/sql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    expect(answer.status).toBe(200);
    const lines = (await readFile(auditLog, 'utf8')).trim().split('\n');
    const begun = lines.filter((line) => line.includes('"action":"sql"') && line.includes('"begun"')).at(-1) ?? '';
    expect(Buffer.byteLength(begun)).toBeLessThan(2_500);
    const entry = JSON.parse(begun) as { query: string; sha256: string };
    expect(entry.query.endsWith('\u2026')).toBe(true);
    expect(query.startsWith(entry.query.slice(0, -1))).toBe(true);
    expect(entry.sha256).toBe(createHash('sha256').update(query).digest('hex'));
  });

  /** Holds the table as a migration would: what reads it waits for the lock, as a long search would go on. */
  async function whileLocked(work: () => Promise<void>): Promise<void> {
    const locker = new Client({ connectionString: inject('postgresUrl') });
    await locker.connect();
    try {
      await locker.query('BEGIN');
      await locker.query(`LOCK TABLE ${escapeIdentifier(schema)}.customers IN ACCESS EXCLUSIVE MODE`);
      await work();
    } finally {
      // The lock goes with its session, whatever has failed.
      await locker.end();
    }
  }
  const searching = () => sessions("wait_event_type = 'Lock' AND query LIKE '%LIKE ALL%'");

  it('ends a search in Postgres when its reader goes', async () => {
    await whileLocked(async () => {
      const waiting = Array.from({ length: 2 }, () => open('/api/datasets/customers/rows?search=nothing', '10.0.2.1'));
      try {
        await vi.waitFor(async () => expect(await searching()).toHaveLength(2), PATIENT);
      } finally {
        for (const { asked } of waiting) asked.destroy();
      }
      await vi.waitFor(async () => expect(await searching()).toEqual([]), PATIENT);
    });
  });

  it('answers the next reader after hundreds have gone while they searched or waited', async () => {
    await whileLocked(async () => {
      for (let round = 0; round < 10; round++) {
        const readers = Array.from({ length: 30 }, (_, index) =>
          open('/api/datasets/customers/rows?search=nothing', `10.0.3.${index % 10}`),
        );
        // Some go before they have a place, some while they wait for one, some while Postgres works for them.
        await new Promise((resolve) => setTimeout(resolve, round * 20));
        for (const { asked } of readers) asked.destroy();
      }
      await vi.waitFor(async () => expect(await searching()).toEqual([]), PATIENT);
    });
    const answer = await fetch(`${dashboards.postgres?.url}/api/datasets/customers/rows?search=k7`, {
      headers: { 'x-forwarded-for': '10.0.3.1' },
    });
    expect(answer.status).toBe(200);
  });

  it('tells what is wrong with a search at once, while all places for searches are taken', async () => {
    await whileLocked(async () => {
      const waiting = Array.from({ length: 9 }, (_, index) =>
        open('/api/datasets/customers/rows?search=nothing', `10.0.4.${index % 3}`),
      );
      try {
        await vi.waitFor(async () => expect(await searching()).toHaveLength(3), PATIENT);
        expect((await fetch(`${dashboards.postgres?.url}/api/datasets/customers/rows?search=%00`)).status).toBe(400);
        expect(await searching()).toHaveLength(3);
      } finally {
        for (const { asked } of waiting) asked.destroy();
      }
      await vi.waitFor(async () => expect(await searching()).toEqual([]), PATIENT);
    });
  });

  const WRONG = [
    ['search=%00', 'search holds a NUL character'],
    ['search=a%00b', 'search holds a NUL character'],
    ['search=%ED%A0%80', 'the query is not UTF-8'],
    ['search=%FF', 'the query is not UTF-8'],
    ['search=%', 'the query is not UTF-8'],
    ['where=name:is:%00', 'where holds a NUL character'],
    ['where=na%00me:is:x', 'where holds a NUL character'],
    ['where=updatedAt:above:2020', 'updatedAt is compared with a day or a time such as'],
    ['where=updatedAt:is:yesterday', 'updatedAt is compared with a day or a time'],
    ['where=updatedAt:above:2026-02-30', 'updatedAt is compared with a day or a time'],
    ['where=updatedAt:above:0000-01-01', 'updatedAt is compared with a day or a time'],
    ['where=updatedAt:above:294277-01-01', 'updatedAt is compared with a day or a time'],
    ['where=updatedAt:above:%2B012026-01-01T00:00:00Z', 'updatedAt is compared with a day or a time'],
    ['where=updatedAt:above:2026-01-01T25:00:00Z', 'updatedAt is compared with a day or a time'],
    ['where=updatedAt:above:infinity', 'updatedAt is compared with a day or a time'],
    ['where=_written_at:below:now', '_written_at is compared with a day or a time'],
    ['where=spent:above:1e400', 'spent is compared with a number'],
    ['where=spent:above:1e-400', 'spent is compared with a number'],
    ['where=spent:is:NaN', 'spent is compared with a number'],
    ['where=spent:below:-Infinity', 'spent is compared with a number'],
    ['where=spent:from:0x10', 'spent is compared with a number'],
    ['where=spent:from:1_000', 'spent is compared with a number'],
    ['where=spent:from:%205', 'spent is compared with a number'],
    ['where=spent:from:', 'spent is compared with a number'],
    ['where=balance:above:1e131073', 'balance is compared with a number of at most 1,000 digits'],
    ['where=points:above:nine', 'points is compared with a number'],
    ['where=points:is:1e9999999999', 'points is compared with a number'],
    ['where=active:is:maybe', 'active is compared with true or false'],
    ['where=_deleted:is:0', '_deleted is compared with true or false'],
    ['where=nope:is:1', 'there is no column "nope"'],
    ['where=__proto__:is:1', 'there is no column "__proto__"'],
    ['where=name:like:x', 'expected COLUMN:COMPARISON:VALUE'],
    ['where=name', 'expected COLUMN:COMPARISON:VALUE'],
    [`where=name:is:${'x'.repeat(201)}`, 'expected COLUMN:COMPARISON:VALUE'],
    [Array(21).fill('where=name:is:x').join('&'), 'where is given more than 20 times'],
    ['search=a&search=b', 'search is given more than once'],
    [`search=${'x'.repeat(201)}`, 'search is longer than 200 characters'],
    ['serach=a', 'there is no parameter "serach": those here are view, search, where'],
    ['search[]=a', 'there is no parameter "search[]"'],
    [`${'&'.repeat(1_500)}serach=a`, 'there is no parameter "serach"'],
    ['__proto__=a', 'there is no parameter "__proto__"'],
    ['view=all', 'expected latest or history'],
  ] as const;
  const WRONG_PAGES = [
    ['sort=nope', 'there is no column "nope"'],
    ['sort=-', 'there is no column ""'],
    ['sort=a&sort=b', 'sort is given more than once'],
    ['offset=-1', 'expected a whole number'],
    ['offset=99999999999999999999', 'expected a whole number'],
    ['limit=0', 'expected a whole number'],
    ['limit=501', 'expected a whole number'],
    ['limit=1.5', 'expected a whole number'],
  ] as const;

  describe.each(['csv', 'postgres'])('over %s', (sink) => {
    let clients = 0;
    // Each asks once: one address may download once a second.
    const get = async (path: string) => {
      const headers = { 'x-forwarded-for': `10.3.${clients >> 8}.${clients++ & 255}` };
      const answer = await fetch(`${dashboards[sink]?.url}/api${path}`, { headers });
      return [answer.status, await answer.text()] as const;
    };

    it.each(WRONG)('refuses ?%s in words, for a page, its facets and a download', async (query, words) => {
      for (const path of ['/rows', '/facets', '.csv', '.ndjson']) {
        const [status, text] = await get(`/datasets/customers${path}?${query}`);
        expect([path, status]).toEqual([path, 400]);
        expect((JSON.parse(text) as { error: { message: string } }).error.message).toContain(words);
        expect(text).not.toMatch(/127\.0\.0\.1|Postgres at/);
      }
    });

    it.each(WRONG_PAGES)('refuses ?%s in words', async (query, words) => {
      const [status, text] = await get(`/datasets/customers/rows?${query}`);
      expect([status, text]).toEqual([400, expect.stringContaining(words.replaceAll('"', '\\"'))]);
    });

    it.each(['key=%00', 'key=', `key=${'k'.repeat(2_101)}`, 'key=a&key=b', 'key=a&dataset=%00'])(
      'refuses to trace ?%s in words',
      async (query) => {
        expect(await get(`/trace?${query}`)).toEqual([400, expect.stringContaining('bad_request')]);
      },
    );

    it.each([
      'where=updatedAt:above:2020-01-01',
      'where=updatedAt:above:2020-01-01T00:00:00%2B01:00',
      'where=updatedAt:above:2020-01-01%2012:00',
      'where=updatedAt:above:2020-01-01T00:00:00.123456789Z',
      'where=spent:is:%2B2.5e0',
      'where=spent:above:-1.7976931348623157e308',
      'where=spent:above:0e999',
      'where=balance:is:19.9',
      'where=balance:above:-1e900',
      'where=points:above:6.5',
      'where=points:below:99999999999999999999999999',
      'where=active:empty',
      'where=name:filled&offset=0',
      'search=%F0%9F%A6%8A&where=name:not:%F0%9F%A6%8A&view=history',
      'search=+&view=history',
    ])('takes ?%s', async (query) => {
      const [status, text] = await get(`/datasets/customers/rows?${query}&limit=1`);
      expect([status, status === 200 ? '' : text]).toEqual([200, '']);
      if (!query.startsWith('search')) {
        expect((JSON.parse(text) as { total: number }).total).toBe(sink === 'csv' ? 1 : ROWS);
      }
    });

    it('takes an offset as large as a number can be', async () => {
      expect((await get('/datasets/customers/rows?offset=9007199254740991'))[0]).toBe(200);
    });
  });
});
