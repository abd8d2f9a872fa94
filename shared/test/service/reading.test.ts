import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createRegistry,
  isNear,
  type Listening,
  listen,
  networkOf,
  readingOf,
  ServiceGuard,
  serviceApp,
} from '../../src/index.js';

describe('who may read what services tell', () => {
  it.each([
    [undefined, undefined, undefined, undefined],
    [undefined, '127.0.0.1', undefined, 'local'],
    [undefined, '127.0.0.1', 'a token', 'token'],
    [undefined, '0.0.0.0', undefined, 'token'],
    ['local', '0.0.0.0', undefined, 'token'],
    ['local', '127.0.0.1', 'a token', 'local'],
    ['open', '0.0.0.0', 'a token', 'open'],
  ])('with DASHBOARD_READ %s, on %s, with %s is %s', (text, publishedOn, token, reading) => {
    expect(readingOf(text, publishedOn, token)).toBe(reading);
  });

  it.each(['127.0.0.1:8082', 'localhost', '[::1]:80', '172.18.0.5:8082', 'consumer:8082', 'consumer', '[fe80::1]'])(
    'names a machine nearby: %s',
    (host) => expect(isNear(host)).toBe(true),
  );

  it.each([
    'attacker.example',
    '127.0.0.1.attacker.example:8082',
    'localhost.',
    'a.b',
    '',
    'x y',
    '127.0.0.1@evil.example',
    'consumer:80@evil.example',
  ])('may lead anywhere: %s', (host) => expect(isNear(host)).toBe(false));

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:0:7', '0.0.0.7'],
    ['::ffff:unknown', '::ffff:unknown'],
    ['2001:DB8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:db8::5', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('counts %s as a client of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the server of every service', () => {
  let server: Listening;
  beforeAll(async () => {
    const app = serviceApp(
      createRegistry('test'),
      () => ['the sink is away'],
      new ServiceGuard({ readToken: 'read-token-12' }),
      [
        {
          method: 'get',
          path: '/things/:id',
          role: 'reader',
          handle: () => Promise.reject(new Error('redis://user:hidden@10.0.0.1 is away')),
        },
      ],
    );
    server = await listen(app, 0);
  });
  afterAll(() => server.close());

  /** fetch does not let a program choose the Host header. */
  const ask = (path: string, headers: Record<string, string>): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const asked = request(`${server.url}${path}`, { headers }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += String(chunk);
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      asked.on('error', reject).end();
    });

  it('tells nothing to a page whose name only points at this machine', async () => {
    for (const host of ['localhost', 'consumer:8082', '172.18.0.5']) {
      expect((await ask('/metrics', { host })).status).toBe(200);
    }
    expect((await ask('/metrics', { host: 'attacker.example' })).status).toBe(401);
    expect(await ask('/readyz', { host: 'attacker.example' })).toMatchObject({
      status: 503,
      text: expect.not.stringContaining('sink'),
    });
    expect((await ask('/readyz', { host: 'localhost' })).text).toContain('the sink is away');
  });

  it.each([
    ['/things/%E0%A4%A', 400],
    ['/nope', 404],
    ['/things/1', 500],
  ])(
    'answers %s with JSON of no more than what is wrong, neither with a page nor with a place in its files',
    async (path, wanted) => {
      const { status, text } = await ask(path, { host: 'localhost' });
      expect(status).toBe(wanted);
      expect(Object.keys(JSON.parse(text) as object)).toEqual(['error']);
      expect(text).not.toMatch(/node_modules|at .*:\d+:\d+|hidden/);
    },
  );

  it('takes no request that names two hosts, or another address than a path, and hears whatever a proxy says of itself', async () => {
    const { port, hostname } = new URL(server.url);
    const say = (head: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => socket.end(`${head}\r\nConnection: close\r\n\r\n`));
        let text = '';
        socket.on('data', (chunk) => {
          text += String(chunk);
        });
        socket.on('end', () => resolve(text)).on('error', reject);
      });
    expect(await say('GET /metrics HTTP/1.1\r\nHost: localhost')).toMatch(/^HTTP\/1.1 200 /);
    expect(await say('GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: other.example')).toMatch(/^HTTP\/1.1 400 /);
    expect(await say('GET http://other.example/metrics HTTP/1.1\r\nHost: localhost')).toMatch(/^HTTP\/1.1 400 /);
    // As nginx asks that was told nothing but where we are.
    expect(await say('GET /metrics HTTP/1.0\r\nHost: localhost')).toMatch(/^HTTP\/1.1 401 /);
    expect(await say('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https')).toMatch(
      /^HTTP\/1.1 401 /,
    );
    // Node would leave the last header out, by which a proxy says that it is one.
    const many = 'X:\r\n'.repeat(2_500);
    expect(await say(`GET /metrics HTTP/1.1\r\nHost: localhost\r\n${many}X-Forwarded-For: 203.0.113.7`)).toMatch(
      /^HTTP\/1.1 401 /,
    );
  });

  it('refuses what is not HTTP, and heads that are too large, with no more than a status', async () => {
    const { status, text } = await ask('/healthz', { 'x-large': 'x'.repeat(20_000) });
    expect([status, text]).toEqual([431, '']);
  });

  it('keeps an idle connection longer than proxies do, so that none sends a request as it is closed', async () => {
    const { headers } = await fetch(`${server.url}/healthz`);
    expect(Number(/^timeout=(\d+)$/.exec(headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(60);
  });
});
