import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { createLogger, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ASKING, FILES } from '../../src/access/rate-limit.js';
import { DOWNLOADS, QUERIES } from '../../src/http/loads.js';
import { readFiles } from '../../src/http/page-files.js';
import type { Route } from '../../src/http/route.js';
import { ROUTES } from '../../src/http/routes.js';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TOKENS = { viewer: 'viewer-secret', operator: 'operator-secret', admin: 'admin-secret-1' };
const MEGABYTE = 1024 * 1024;
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
/** Nothing is forgotten while a test asks, however slow the machine is. */
const stopped = { ...systemClock, monotonic: () => 1_000_000 };

const table = ROUTES.map((route) => ({ ...route, name: `${route.method} ${route.path}` }));
/** The routes that are there for what is not. */
const CATCHING = ['get /api/{*other}', 'post /api/{*other}', 'delete /api/{*other}', 'get /{*file}'];
const limitOf = ({ body }: Route) => (body === 'none' ? 1_024 : body.limit);

describe('every route of the dashboard', () => {
  let folder: string;
  let dashboard: Dashboard;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'routes-'));
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      clock: stopped,
      log,
      tokens: TOKENS,
      // Each test is a client of its own, behind this one proxy, so that none meets the limits of another.
      trustProxy: 1,
      auditLog: join(folder, 'audit.jsonl'),
    });
    await dashboard.start();
  });
  afterAll(async () => {
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  interface Answer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  }

  /** Asks for a route, and hangs up once the status is known: some answers do not end. */
  const ask = (
    { method, path }: { method: string; path: string },
    headers: Record<string, string> = {},
    body = Buffer.alloc(0),
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const url = `${dashboard.url}${path.replaceAll(/\{\*?\w+\}/g, 'x')}`;
      const from = { 'x-forwarded-for': headers['x-forwarded-for'] ?? nextAddress() };
      const length: Record<string, string> =
        'transfer-encoding' in headers ? {} : { 'content-length': String(body.length) };
      const sent = { 'content-type': 'application/json', ...length, ...from, ...headers };
      const asked = request(url, { method, headers: sent }, (answer) => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
        answer.destroy();
      });
      // The server answers and closes before it has read a body that is too large.
      asked.on('error', reject).end(body);
    });
  const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;
  let addresses = 0;
  const nextAddress = () => {
    addresses++;
    return `10.1.${addresses >> 8}.${addresses & 255}`;
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it.each(table)('$name has a name of its own', ({ name }) => {
    expect(table.filter((one) => one.name === name)).toHaveLength(1);
  });

  it.each(table)('$name states its role, origin, body, rate and load', ({ role, origin, body, rate, load, path }) => {
    expect(['open', 'scraper', 'viewer', 'operator', 'admin']).toContain(role);
    expect(rate.burst).toBeLessThanOrEqual(ASKING.burst);
    expect(rate.perSecond).toBeLessThanOrEqual(ASKING.perSecond);
    // What is under /api is for the page of the dashboard alone, and for programs.
    expect(origin).toBe(path.startsWith('/api') ? 'own' : 'any');
    if (body !== 'none') expect(body.limit).toBeGreaterThan(0);
    if (load !== 'light') expect(load.atOnce).toBeLessThanOrEqual(3);
  });

  it('is known here when everybody may ask for it', () => {
    const open = table.filter(({ role }) => role === 'open').map(({ name }) => name);
    expect(open.sort()).toEqual([
      'delete /api/session',
      'get /api/openapi.json',
      'get /api/session',
      'get /healthz',
      'get /readyz',
      'get /{*file}',
      'post /api/session',
    ]);
  });

  it.each(table.filter(({ role }) => role !== 'open'))('$name is refused without a token', async (route) => {
    expect(await statusOf(route)).toBe(401);
    expect(await statusOf(route, bearer('a token that is wrong'))).toBe(401);
  });

  it.each(table.filter(({ role }) => role === 'operator'))('$name is refused to a viewer', async (route) => {
    expect(await statusOf(route, bearer(TOKENS.viewer))).toBe(403);
  });

  it.each(table.filter(({ role }) => role === 'admin'))('$name is refused to an operator', async (route) => {
    expect(await statusOf(route, bearer(TOKENS.operator))).toBe(403);
  });

  it.each(table.filter(({ origin }) => origin === 'own'))('$name is refused to other sites', async (route) => {
    for (const headers of [
      { origin: 'https://attacker.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect(await statusOf(route, { ...bearer(TOKENS.admin), ...headers })).toBe(403);
    }
  });

  it.each(table)('$name refuses a body beyond its limit', async (route) => {
    const tooLarge = Buffer.alloc(limitOf(route) + 1, ' ');
    const { status, headers } = await ask(route, bearer(TOKENS.admin), tooLarge);
    expect([status, headers.connection]).toEqual([413, 'close']);
  });

  it.each(table.filter(({ body }) => body !== 'none'))(
    '$name refuses a body that is larger when it is inflated, or before',
    async (route) => {
      const limit = limitOf(route);
      const headers = { ...bearer(TOKENS.admin), 'transfer-encoding': 'chunked' };
      const plain = Buffer.alloc(limit + 1, ' ');
      const packed = { gzip: gzipSync(plain), deflate: deflateSync(plain), br: brotliCompressSync(plain, QUICK) };
      for (const [encoding, body] of Object.entries(packed)) {
        const sent = { ...headers, 'content-encoding': encoding };
        expect([encoding, await statusOf(route, sent, body)]).toEqual([encoding, 413]);
      }
      // Many empty members: a body that is large and inflates to nothing.
      const empty = gzipSync(Buffer.alloc(0));
      const hollow = Buffer.concat(Array<Buffer>(Math.ceil(limit / empty.length) + 1).fill(empty));
      expect(await statusOf(route, { ...headers, 'content-encoding': 'gzip' }, hollow)).toBe(413);
    },
  );

  it('reads no body of more than a megabyte, but for a record that is sent again', () => {
    const large = table.filter((route) => limitOf(route) > MEGABYTE);
    expect(large.map(({ name, role, load }) => [name, role, load !== 'light'])).toEqual([
      ['post /api/dead-letters/{id}/replay', 'operator', true],
    ]);
  });

  it.each(table.filter(({ rate }) => rate !== ASKING))(
    '$name is not answered more often than it states',
    async (route) => {
      const from = { 'x-forwarded-for': nextAddress(), ...bearer(TOKENS.admin) };
      const tries = Array.from({ length: route.rate.burst + 3 }, () => ask(route, from));
      const refused = (await Promise.all(tries)).filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(0);
      expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    },
  );

  it('counts all other routes together', async () => {
    const from = { 'x-forwarded-for': nextAddress() };
    const healthz = { method: 'get', path: '/healthz' };
    for (let asked = 0; asked < ASKING.burst; asked += 50) {
      const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf(healthz, from)));
      expect(new Set(statuses)).toEqual(new Set([200]));
    }
    for (const route of table) expect([route.name, await statusOf(route, from)]).toEqual([route.name, 429]);
    for (const route of table) expect([route.name, await statusOf(route)]).not.toEqual([route.name, 429]);
  });

  it('counts the files of the page by themselves: twenty tabs that one person opens at once are whole', async () => {
    const from = { 'x-forwarded-for': nextAddress() };
    const files = [...readFiles().keys()].filter((path) => !path.includes('#'));
    expect(files.length).toBeGreaterThan(60);
    const statusesOf = (paths: readonly string[]) =>
      Promise.all(paths.map((path) => statusOf({ method: 'get', path }, from)));
    for (let tab = 0; tab < 20; tab++) expect(new Set(await statusesOf(files))).toEqual(new Set([200]));
    const [path = ''] = files;
    for (let asked = 20 * files.length; asked < FILES.burst; asked += 50) await statusesOf(Array(50).fill(path));
    expect(await statusesOf([path])).toEqual([429]);
    expect(await statusesOf(['/healthz'])).toEqual([200]);
  });

  it('that a viewer may not ask for, or that takes a body, has a limit of its own of how often one address may', () => {
    const acting = table.filter(({ role, body }) => role === 'operator' || role === 'admin' || body !== 'none');
    expect(acting.filter(({ rate }) => rate === ASKING).map(({ name }) => name)).toEqual([]);
  });

  it('that is written down in the audit log has a limit of its own: a viewer could fill the disk of the log', () => {
    const downloads = table.filter(({ load }) => load === DOWNLOADS || load === QUERIES);
    expect(downloads).toHaveLength(8);
    for (const { name, rate } of downloads) expect(rate.perSecond, name).toBeLessThanOrEqual(1);
  });

  it('that only reads is a GET, but for those that check, ask in SQL or sign out', () => {
    const others = table.filter(({ method, role }) => method !== 'get' && (role === 'open' || role === 'viewer'));
    expect(
      others
        .map(({ name }) => name)
        .filter((name) => !CATCHING.includes(name))
        .sort(),
    ).toEqual(['delete /api/session', 'post /api/dead-letters/validate', 'post /api/session', 'post /api/sql']);
  });

  it('that reads many rows, a whole file or a queue takes its turn', () => {
    const light = table.filter(({ load }) => load === 'light').map(({ name }) => name);
    expect(
      light.filter((name) => /rows|facets|csv|ndjson|sql[.]|post .*sql$|parts|trace|get .*dead-letters/.test(name)),
    ).toEqual([]);
  });

  it.each(table)('$name answers with all headers that keep browsers safe', async (route) => {
    for (const headers of [{}, bearer(TOKENS.viewer), { origin: 'https://attacker.example' }]) {
      const answer = await ask(route, headers);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.headers['x-frame-options']).toBe('DENY');
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  it.each(table)('$name is not answered when there are two Host headers', async (route) => {
    const hosts = ['Host', '127.0.0.1', 'Host', 'attacker.example', 'Connection', 'close'];
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const { method, path } = route;
      const url = `${dashboard.url}${path.replaceAll(/\{\*?\w+\}/g, 'x')}`;
      const headers = [...hosts, 'X-Forwarded-For', nextAddress(), 'Authorization', `Bearer ${TOKENS.admin}`];
      const asked = request(url, { method, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(answered).toBe(400);
  });

  it('answers no whole address in the place of a path: its host would be another to a proxy', async () => {
    const { hostname, port } = new URL(dashboard.url);
    for (const path of ['http://attacker.example/healthz', 'https://127.0.0.1/api/datasets']) {
      const answered = await new Promise<number | undefined>((resolve, reject) => {
        const asked = request({ hostname, port, path, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asked.on('error', reject).end();
      });
      expect([path, answered]).toEqual([path, 400]);
    }
  });

  it('hears what a proxy says behind however many headers of a client', async () => {
    const many = Array.from({ length: 2_500 }, () => ['X', '']).flat();
    const headers = ['Host', '127.0.0.1', ...many, 'X-Forwarded-For', nextAddress(), 'Connection', 'close'];
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request(`${dashboard.url}/api/datasets`, { headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(401);
  });

  it.each(['/api/dead-letters/validate', '/api/dead-letters/x/replay'])(
    'sends nothing else than what was given: bytes that are no UTF-8 are refused by %s',
    async (path) => {
      const body = Buffer.from('{"entity":"customer","payload":"{\\"id\\":\\"?\\"}"}');
      body[body.indexOf('?')] = 0xff;
      const asked = {
        ...bearer(TOKENS.operator),
        'content-type': 'application/json',
        'x-forwarded-for': nextAddress(),
      };
      const answer = await fetch(`${dashboard.url}${path}`, { method: 'POST', headers: asked, body });
      expect([answer.status, await answer.text()]).toEqual([415, expect.stringContaining('not in UTF-8')]);
    },
  );

  it.each(['utf-7', 'utf-16le', '"UTF-16"', 'latin1'])('reads no body in %s', async (charset) => {
    const headers = { ...bearer(TOKENS.admin), 'content-type': `application/json; charset=${charset}` };
    const { status } = await ask({ method: 'post', path: '/api/dead-letters/validate' }, headers, Buffer.from('{}'));
    expect(status).toBe(415);
    const utf8 = { ...headers, 'content-type': 'application/json;charset="UTF-8"' };
    expect((await ask({ method: 'post', path: '/api/dead-letters/validate' }, utf8, Buffer.from('{}'))).status).toBe(
      400,
    );
  });

  it.each(['validate', 'x/replay'])(
    'sends nothing else than what was typed: half of a surrogate pair is refused by %s',
    async (act) => {
      const body = JSON.stringify({ ...(act === 'validate' && { entity: 'customer' }), payload: '{"id":"\ud800"}' });
      const headers = { ...bearer(TOKENS.admin), 'content-type': 'application/json', 'x-forwarded-for': nextAddress() };
      const answer = await fetch(`${dashboard.url}/api/dead-letters/${act}`, { method: 'POST', headers, body });
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('half of a surrogate pair')]);
    },
  );

  it.each(['OPTIONS', 'PUT', 'PATCH', 'TRACE', 'PROPFIND'])('answers no %s, known path or not', async (method) => {
    for (const path of ['/api/datasets', '/api/nothing', '/', '/metrics']) {
      const { status, headers } = await ask({ method, path }, bearer(TOKENS.admin));
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD, POST, DELETE']);
    }
  });

  it('is the only thing under /api: any other path is refused without a token, and not found with one', async () => {
    const other = { method: 'get', path: '/api/nothing' };
    expect(await statusOf(other)).toBe(401);
    expect(await statusOf(other, bearer(TOKENS.viewer))).toBe(404);
  });
});
