import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type Logger, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readTrustProxy } from '../../src/access/trust-proxy.js';
import { createDashboard, type Dashboard, type DashboardOptions, readDashboardSettings } from '../../src/index.js';
import { sampleConfig, writePart } from '../sample.js';

const VIEWER = 'viewer-secret';
const OPERATOR = 'operator-secret';
const GUESSER = '203.0.113.7';
const COLLEAGUE = '203.0.113.8';
const HOUR = 3_600_000;

describe('who is signed in', () => {
  let folder: string;
  let dashboard: Dashboard;
  let passed = 0;
  let lines: Record<string, unknown>[] = [];
  const clock = { ...systemClock, monotonic: () => 1_000_000 + passed };
  let log: Logger;
  const start = async (options: Partial<DashboardOptions> = {}) => {
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      clock,
      tokens: { viewer: `vera=${VIEWER}`, operator: `anna=${OPERATOR}` },
      trustProxy: 1,
      auditLog: join(folder, 'audit.jsonl'),
      ...options,
    });
    await dashboard.start();
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sessions-'));
    passed = 0;
    lines = [];
    // One of its own for each test: a log leaves out what it has told often enough in a minute.
    log = createLogger(
      { service: 'dashboard', instance: 'test' },
      { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
  });
  afterEach(async () => {
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  type Headers = Record<string, string>;
  const call = (path: string, headers: Headers = {}, init: RequestInit = {}) =>
    fetch(`${dashboard.url}${path}`, { ...init, headers });
  const from = (address: string): Headers => ({ 'x-forwarded-for': address });
  const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
  const signIn = (token: string, headers: Headers = {}) =>
    call(
      '/api/session',
      { 'content-type': 'application/json', ...headers },
      { method: 'POST', body: JSON.stringify({ token }) },
    );
  const cookieOf = async (token: string, headers: Headers = {}) => {
    const [cookie = ''] = (await signIn(token, headers)).headers.getSetCookie();
    return cookie.split(';')[0] ?? '';
  };
  const signOut = (cookie: string) =>
    call('/api/session', { cookie, 'content-type': 'application/json' }, { method: 'DELETE' });
  const mayRead = async (cookie: string, headers: Headers = {}) =>
    (await call('/api/pipeline', { cookie, ...headers })).status === 200;

  /** An answer that goes on; nothing of it is read before `resume`. */
  const open = async (path: string, headers: Headers): Promise<{ asked: ClientRequest; answer: IncomingMessage }> => {
    const asked = request(`${dashboard.url}${path}`, { headers });
    asked.on('error', () => {}).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.on('error', () => {});
    return { asked, answer };
  };

  const closed = (answer: IncomingMessage) => new Promise((resolve) => answer.once('close', resolve));

  describe('wrong tokens', () => {
    it('count as failed sign-ins when programs send them, and then no token is taken from that address', async () => {
      await start();
      const statuses: number[] = [];
      for (let guess = 0; guess < 12; guess++) {
        const guessed = await call('/api/pipeline', { ...from(GUESSER), ...bearer(`guess number ${guess}`) });
        statuses.push(guessed.status);
        if (guessed.status === 429) expect(Number(guessed.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
      // The right one is not told from the wrong ones, here or at any other place that takes tokens.
      expect((await call('/api/pipeline', { ...from(GUESSER), ...bearer(VIEWER) })).status).toBe(429);
      expect((await call('/metrics', { ...from(GUESSER), ...bearer(VIEWER) })).status).toBe(429);
      expect((await signIn(OPERATOR, from(GUESSER))).status).toBe(429);
      passed += 6_000;
      expect((await call('/api/pipeline', { ...from(GUESSER), ...bearer(VIEWER) })).status).toBe(200);
    });

    it('do not lock out tokens that nobody can guess: any program of a machine could send wrong ones', async () => {
      const strong = 'k7Vq2-Zp9Lw4-Xc1Nb8-Ty3';
      await start({ tokens: { viewer: `vera=${VIEWER},prometheus=${strong}` } });
      const guess = (token: string) => call('/metrics', { ...from(GUESSER), ...bearer(token) });
      for (let wrong = 0; wrong < 12; wrong++) await guess(`${strong}${wrong}`);
      expect((await guess(VIEWER)).status).toBe(429);
      expect((await guess(`${strong}x`)).status).toBe(429);
      for (let again = 0; again < 20; again++) expect((await guess(strong)).status).toBe(200);
      expect((await signIn(strong, from(GUESSER))).status).toBe(200);
      expect((await signIn(VIEWER, from(GUESSER))).status).toBe(429);
    });

    it('are all that counts: asking for a session without one keeps nobody out', async () => {
      await start();
      const ask = () =>
        call('/api/session', { ...from(GUESSER), 'content-type': 'application/json' }, { method: 'POST', body: '{}' });
      for (let again = 0; again < 30; again++) expect((await ask()).status).toBe(400);
      expect((await signIn(VIEWER, from(GUESSER))).status).toBe(200);
    });

    it('lock out nobody else who comes through the same proxy', async () => {
      await start();
      const signedIn = await cookieOf(VIEWER, from(GUESSER));
      for (let guess = 0; guess < 12; guess++) await call('/metrics', { ...from(GUESSER), ...bearer('guess a token') });
      expect((await signIn(OPERATOR, from(COLLEAGUE))).status).toBe(200);
      expect((await call('/api/pipeline', { ...from(COLLEAGUE), ...bearer(VIEWER) })).status).toBe(200);
      expect(await mayRead(signedIn, from(GUESSER))).toBe(true);
    });

    it('count for the whole network of an IPv6 address, which has as many addresses as it likes', async () => {
      await start();
      const guess = (address: string) => call('/metrics', { ...from(address), ...bearer('guess a token') });
      for (let host = 1; host <= 10; host++) await guess(`2001:db8:1:2::${host.toString(16)}`);
      expect((await guess('2001:db8:1:2:ffff::1')).status).toBe(429);
      expect((await guess('2001:db8:1:3::1')).status).toBe(401);
    });

    it.each([
      ['no proxy is trusted', false, from('198.51.100.1')],
      ['the trusted proxy is another', ['10.0.0.0/8'], from('198.51.100.1')],
      ['there is one proxy, and the client makes up others', 1, from('198.51.100.1, 192.0.2.1')],
      ['it is no address', 1, from('198.51.100.1, unknown')],
    ] as const)('count for the connection, whatever it says, where %s', async (_why, trustProxy, headers) => {
      await start({ trustProxy });
      const guess = (claim: number) => {
        const claimed = headers['x-forwarded-for']?.replace('198.51.100.1', `198.51.100.${claim}`) ?? '';
        return call('/metrics', { 'x-forwarded-for': claimed, ...bearer('guess a token') });
      };
      const statuses = [];
      for (let claim = 1; claim <= 11; claim++) statuses.push((await guess(claim)).status);
      expect(statuses.at(-1)).toBe(429);
    });
  });

  it('logs who signed in and who could not, with role and address, and never a token', async () => {
    await start();
    const cookie = await cookieOf(OPERATOR, from(COLLEAGUE));
    await signIn('not the operator', from(GUESSER));
    await call('/api/pipeline', { ...from(GUESSER), ...bearer('a wrong bearer') });
    for (let again = 0; again < 3; again++) await call('/api/pipeline', { ...from(COLLEAGUE), ...bearer(VIEWER) });
    await signOut(cookie);
    const told = lines.filter(({ msg }) => /sign/.test(String(msg)));
    expect(told).toMatchObject([
      { level: 'info', name: 'anna', role: 'operator', from: COLLEAGUE, way: 'session', msg: 'signed in' },
      { level: 'warn', from: GUESSER, way: 'session', msg: expect.stringContaining('a sign-in failed') },
      { level: 'warn', from: GUESSER, way: 'bearer', msg: expect.stringContaining('a sign-in failed') },
      { level: 'info', name: 'vera', role: 'viewer', from: COLLEAGUE, way: 'bearer', msg: 'signed in' },
      { level: 'info', name: 'anna', role: 'operator', msg: 'signed out' },
    ]);
    const text = JSON.stringify(lines);
    for (const secret of [OPERATOR, VIEWER, 'not the operator', 'a wrong bearer', cookie.split('=')[1] ?? '']) {
      expect(text).not.toContain(secret);
    }
  });

  describe('the cookie', () => {
    it('belongs to the host alone under TLS, which a proxy takes off', async () => {
      await start();
      const https = { 'x-forwarded-proto': 'https' };
      const [cookie = ''] = (await signIn(OPERATOR, https)).headers.getSetCookie();
      expect(cookie).toMatch(/^__Host-tributary_session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
      expect(await mayRead(cookie.split(';')[0] ?? '', https)).toBe(true);
      const ended = await call(
        '/api/session',
        { cookie: cookie.split(';')[0] ?? '', 'content-type': 'application/json', ...https },
        { method: 'DELETE' },
      );
      expect(ended.headers.getSetCookie()[0]).toMatch(/^__Host-tributary_session=;.*; Secure/);
      expect(await mayRead(cookie.split(';')[0] ?? '', https)).toBe(false);
    });

    it('is not taken from what another host, or a page without TLS, could have set', async () => {
      await start();
      const planted = await cookieOf(OPERATOR);
      expect(planted).toMatch(/^tributary_session=/);
      expect(await mayRead(planted)).toBe(true);
      expect(await mayRead(planted, { 'x-forwarded-proto': 'https' })).toBe(false);
    });

    it('is found behind another of its name, which a server on another port may have set', async () => {
      await start();
      const cookie = await cookieOf(VIEWER);
      expect(await mayRead(`tributary_session=thrown; ${cookie}; tributary_session=more`)).toBe(true);
      expect(await mayRead('tributary_session=thrown; tributary_session=more')).toBe(false);
    });

    it('is another after each sign-in, whatever the browser sent, and the one before counts no more', async () => {
      await start();
      const first = await cookieOf(VIEWER, { cookie: 'tributary_session=of-an-attacker' });
      expect(first).not.toContain('attacker');
      const second = await cookieOf(OPERATOR, { cookie: first });
      expect(second).not.toBe(first);
      expect([await mayRead(first), await mayRead(second)]).toEqual([false, true]);
    });
  });

  describe('a session', () => {
    it('ends after an hour without a person, though the page looks again by itself', async () => {
      await start();
      const cookie = await cookieOf(VIEWER);
      for (let minutes = 0; minutes < 50; minutes += 10) {
        passed += HOUR / 6;
        expect(await mayRead(cookie, { 'tributary-unattended': 'true' })).toBe(true);
        // As browsers send it when a stream was cut.
        expect(await mayRead(cookie, { accept: 'text/event-stream' })).toBe(true);
      }
      passed += HOUR / 6;
      expect(await mayRead(cookie)).toBe(false);
    });

    it('goes on while a person does something, until the next morning', async () => {
      await start();
      const cookie = await cookieOf(VIEWER);
      for (let hours = 0; hours < 11.5; hours += 0.5) {
        passed += HOUR / 2;
        expect(await mayRead(cookie)).toBe(true);
      }
      passed += HOUR / 2;
      expect(await mayRead(cookie)).toBe(false);
    });

    it('ends its streams and downloads with it, and no others', async () => {
      // More than the buffers of two sockets hold.
      const values = { note: 'x'.repeat(900) };
      await writePart(
        folder,
        Array.from({ length: 15_000 }, (_, index) => ({ key: `k${index}`, at: 1, values })),
      );
      await start();
      const cookie = await cookieOf(VIEWER);
      const other = await cookieOf(VIEWER);
      const stream = await open('/api/live', { cookie });
      const download = await open('/api/datasets/customers.csv', { cookie });
      const kept = await open('/api/live', { cookie: other });
      const ends = [stream, download].map(({ answer }) => closed(answer));
      await signOut(cookie);
      for (const { answer } of [stream, download]) answer.resume();
      await Promise.all(ends);
      expect([stream, download].map(({ answer }) => answer.complete)).toEqual([false, false]);
      expect(kept.answer.destroyed).toBe(false);
      kept.asked.destroy();
    });

    it('ends also downloads that still wait for their turn', async () => {
      const values = { note: 'x'.repeat(900) };
      await writePart(
        folder,
        Array.from({ length: 15_000 }, (_, index) => ({ key: `k${index}`, at: 1, values })),
      );
      await start();
      const [running, waiting] = [await cookieOf(VIEWER), await cookieOf(VIEWER)];
      const path = '/api/datasets/customers.csv';
      const first = [await open(path, { cookie: running }), await open(path, { cookie: running })];
      const later = open(path, { cookie: waiting });
      expect(await mayRead(waiting)).toBe(true);
      await signOut(waiting);
      for (const { asked } of first) asked.destroy();
      expect((await later).answer.statusCode).toBe(401);
    });

    it('does nothing for a request whose body comes after it', async () => {
      await start();
      const cookie = await cookieOf(VIEWER);
      const body = JSON.stringify({ entity: 'customer', payload: '{}' });
      const headers = { cookie, 'content-type': 'application/json', 'content-length': body.length };
      const asked = request(`${dashboard.url}/api/dead-letters/validate`, {
        method: 'POST',
        // The server says when it has read the head, and so has looked at the session.
        headers: { ...headers, expect: '100-continue' },
      });
      asked.flushHeaders();
      await once(asked, 'continue');
      await signOut(cookie);
      asked.end(body);
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      expect(answer.statusCode).toBe(401);
    });

    it('ends its stream when its time is over', async () => {
      await start();
      const cookie = await cookieOf(VIEWER);
      const { answer } = await open('/api/live', { cookie });
      answer.resume();
      const ended = closed(answer);
      passed += HOUR;
      await ended;
    });
  });

  it('lets no viewer take all live places: they give up their own oldest when another comes', async () => {
    await start();
    const streams: Awaited<ReturnType<typeof open>>[] = [];
    for (let first = 1; first <= 1_000; first += 100) {
      const headers = { ...bearer(VIEWER), ...from(`10.0.0.${first % 250}`) };
      streams.push(...(await Promise.all(Array.from({ length: 100 }, () => open('/api/live', headers)))));
    }
    const oldest = closed(streams[0]?.answer.resume() as IncomingMessage);
    const { asked, answer } = await open('/api/live', { ...bearer(OPERATOR), ...from(COLLEAGUE) });
    expect(answer.statusCode).toBe(200);
    await oldest;
    // However many more the viewer opens.
    const more = await Promise.all(Array.from({ length: 50 }, () => open('/api/live', bearer(VIEWER))));
    await vi.waitFor(() => expect(streams.filter(({ answer: one }) => one.resume().destroyed).length).toBe(51));
    expect(answer.destroyed).toBe(false);
    for (const one of [...streams, ...more, { asked }]) one.asked.destroy();
  });

  it('gives no live place to a HEAD', async () => {
    await start();
    const heads = await Promise.all(
      Array.from({ length: 20 }, () => call('/api/live', bearer(VIEWER), { method: 'HEAD' })),
    );
    expect(new Set(heads.map(({ status }) => status))).toEqual(new Set([200]));
  });

  describe('the settings', () => {
    it.each([
      ['2', 2],
      ['10.0.0.2', ['10.0.0.2']],
      [' loopback, 10.0.0.0/8 ,2001:db8::/32', ['loopback', '10.0.0.0/8', '2001:db8::/32']],
      ['::ffff:10.0.0.0/104', ['::ffff:10.0.0.0/104']],
      ['::1/128,::ffff:a00:2', ['::1/128', '::ffff:a00:2']],
      ['', false],
      [undefined, false],
    ])('take TRUST_PROXY %s', (text, trusted) => {
      expect(readTrustProxy(text)).toEqual(trusted);
    });

    it.each([
      'true',
      '0',
      '10',
      '-1',
      '*',
      'all',
      'proxy.example.org',
      '0.0.0.0/0',
      '::/0',
      '::/8',
      '::/80',
      '::ffff:0:0/96',
      '::ffff:10.0.0.0/103',
      '0:0:0:0:0:ffff::/96',
      '10.0.0.0/33',
      '1.2.3',
      '1, ',
    ])('refuse TRUST_PROXY %s in words', (text) => {
      expect(() => readDashboardSettings({ TRUST_PROXY: text })).toThrow(/^TRUST_PROXY holds ".*": expected how many/);
    });

    it.each(['ADMIN_TOKEN', 'READ_TOKEN'])('refuse a short %s without showing it', (name) => {
      const read = () => readDashboardSettings({ [name]: 'guess-it' });
      expect(read).toThrow(`${name}: a token has at least 12 characters`);
      expect(read).not.toThrow('guess-it');
    });

    it('refuse the token of producers for readers and for people who may do less', () => {
      const token = 'the-token-of-producers';
      const settings = [
        { READ_TOKEN: token },
        { DASHBOARD_VIEWER_TOKEN: `vera=${VIEWER},ben=${token}` },
        { DASHBOARD_OPERATOR_TOKEN: token },
      ];
      for (const one of settings) {
        const read = () => readDashboardSettings({ ADMIN_TOKEN: token, ...one });
        expect(read).toThrow(/^ADMIN_TOKEN (and READ_TOKEN are the same|is the token of (ben|operator) )/);
        expect(read).not.toThrow(token);
      }
      const apart = { ADMIN_TOKEN: token, READ_TOKEN: 'the-token-of-readers', DASHBOARD_ADMIN_TOKEN: token };
      expect(readDashboardSettings(apart)).toMatchObject({ producerToken: token });
    });

    it('refuse one token for two people: the lesser would have the role of the greater', () => {
      const tokens = { viewer: `vera=${VIEWER}`, admin: `adam=${VIEWER}` };
      const options = { config: sampleConfig(folder), port: 0, host: '127.0.0.1', instance: 'test', log };
      expect(() => createDashboard({ ...options, tokens })).toThrow(
        'vera (viewer) and adam (admin) have the same token',
      );
    });
  });

  describe('reading that is open on this machine', () => {
    const statuses = async (headers: Headers) => {
      const paths = ['/api/datasets', '/metrics'];
      return await Promise.all(paths.map(async (path) => (await call(path, headers)).status));
    };

    it('is not open to what came through a proxy from elsewhere, whatever its Host says', async () => {
      await start({ tokens: { operator: OPERATOR }, trustProxy: false });
      expect(await statuses({})).toEqual([200, 200]);
      for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host', 'cf-connecting-ip']) {
        expect(await statuses({ [name]: '127.0.0.1' })).toEqual([401, 401]);
      }
      for (const name of ['x-forwarded-proto', 'x-forwarded-port', 'x-scheme', 'x-original-forwarded-for']) {
        expect([name, ...(await statuses({ [name]: 'https' }))]).toEqual([name, 401, 401]);
      }
      for (const name of ['x-envoy-external-address', 'fastly-client-ip', 'x-azure-clientip', 'x-original-host']) {
        expect([name, ...(await statuses({ [name]: '127.0.0.1' }))]).toEqual([name, 401, 401]);
      }
      for (const name of ['x-request-id', 'x-ip-count', 'x-zip', 'viable']) {
        expect([name, ...(await statuses({ [name]: '1' }))]).toEqual([name, 200, 200]);
      }
    });

    it('is not open to a page of another site that points its name here, and says what a trusted proxy would', async () => {
      await start({ tokens: { operator: OPERATOR } });
      const asAttacker = (headers: Headers): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const all = { host: 'attacker.example', ...headers };
          const asked = request(`${dashboard.url}/api/datasets`, { headers: all }, (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          });
          asked.on('error', reject).end();
        });
      expect(await asAttacker({ host: 'localhost:8000' })).toBe(200);
      expect(await asAttacker({ 'x-forwarded-host': 'localhost' })).toBe(401);
      expect(await asAttacker({ 'x-forwarded-host': 'localhost', ...from('127.0.0.1') })).toBe(401);
      expect(await asAttacker({ host: 'localhost', ...from('127.0.0.1') })).toBe(401);
      for (const host of ['localhost:80@attacker.example', 'localhost#attacker.example', '127.999.1.1', 'localhost.']) {
        expect([host, await asAttacker({ host })]).toEqual([host, 401]);
      }
    });
  });

  it('tells why it is not ready, and its metrics, only to those who may read', async () => {
    await writeFile(join(folder, 'customers'), 'not a folder');
    await start({ readToken: 'token-of-programs' });
    await call('/api/datasets', bearer(VIEWER));
    const reasons = async (headers: Headers) => {
      const answer = await call('/readyz', headers);
      return [answer.status, JSON.stringify(await answer.json())];
    };
    expect(await reasons({})).toEqual([503, expect.not.stringContaining('customers')]);
    expect(await reasons(bearer(VIEWER))).toEqual([
      503,
      expect.stringContaining('the parts of customers cannot be read'),
    ]);
    expect(await reasons(bearer('token-of-programs'))).toEqual([503, expect.stringContaining('customers')]);
    expect((await call('/metrics')).status).toBe(401);
    expect((await call('/metrics', bearer('token-of-programs'))).status).toBe(200);
    expect((await call('/healthz')).status).toBe(200);
  });
});
