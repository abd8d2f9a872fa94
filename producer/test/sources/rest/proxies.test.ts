import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect as dial } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isLoopback, proxiesOf, proxyFor } from '../../../src/sources/rest/proxies.js';
import { json, startApi } from '../../support/api.js';
import { recordsOf, sourceWith } from '../../support/source.js';

/** A proxy that makes tunnels (RFC 9110, section 9.3.6), all of them to one port of this machine, and notes where to they were asked for. */
async function startProxy(port: number, status = 200) {
  const tunnels: string[] = [];
  const shown: (string | undefined)[] = [];
  const server = createServer();
  server.on('connect', ({ url = '', headers }, client, head) => {
    tunnels.push(url);
    shown.push(headers['proxy-authorization']);
    client.on('error', () => {});
    if (status !== 200) return client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const upstream = dial(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { tunnels, shown, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const API = 'http://api.example.org';

describe('an endpoint behind a proxy', () => {
  async function setUp(status?: number) {
    const api = await startApi((_request, response) => json(response, [1]));
    const proxy = await startProxy(Number(new URL(api.url).port), status);
    return { api, proxy };
  }

  it('is asked through it, unless the environment excepts its host', async () => {
    const { api, proxy } = await setUp();
    const proxies = proxiesOf({ HTTP_PROXY: `http://${proxy.host}` });
    expect(recordsOf(await sourceWith({ url: API }, { proxies }).read())).toEqual([1]);
    expect(proxy.tunnels).toEqual(['api.example.org:80']);
    const excepted = proxiesOf({ HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: '127.0.0.1' });
    expect(recordsOf(await sourceWith({ url: api.url }, { proxies: excepted }).read())).toEqual([1]);
    expect(proxy.tunnels).toHaveLength(1);
  });

  it.each(['127.0.0.1', 'localhost', '127.255.3.4'])('is asked without it on this machine (%s)', async (host) => {
    const api = await startApi((_request, response) => json(response, [1]));
    const { port } = new URL(api.url);
    const proxies = proxiesOf({ http_proxy: 'http://127.0.0.1:9', NO_PROXY: 'example.org' });
    const { read } = sourceWith({ url: `http://${host}:${port}/`, retries: 0 }, { proxies });
    if (host === '127.255.3.4') await expect(read()).rejects.toThrow(/ECONNREFUSED 127\.255\.3\.4/);
    else expect(recordsOf(await read())).toEqual([1]);
  });

  it.each([
    ['as it should be written', 'http://me:p%40ss@HOST'],
    ['with a % that encodes nothing', 'http://me:50%off@HOST'],
    ['without a scheme', 'me:secret-1@HOST'],
  ])('is asked for by a user of the proxy, %s', async (_how, form) => {
    const { proxy } = await setUp();
    const proxies = proxiesOf({ HTTP_PROXY: form.replace('HOST', proxy.host) });
    await sourceWith({ url: API }, { proxies }).read();
    expect(proxy.shown[0]).toMatch(/^Basic bWU6/);
  });

  it.each([
    [
      'does not listen',
      undefined,
      /ECONNREFUSED.*, by way of the proxy http:\/\/127\.0\.0\.1:\d+ that https?_proxy names/,
    ],
    ['refuses the API', 403, /answered 403, by way of the proxy/],
    ['wants a password', 407, /answered 407: it asks for a user and a password.*, by way of the proxy/],
  ])('fails by an error that names a proxy that %s, without its password', async (_what, status, says) => {
    const { proxy } = await setUp(status);
    const host = status === undefined ? '127.0.0.1:9' : proxy.host;
    const proxies = proxiesOf({ http_proxy: `http://me:secret-1@${host}` });
    const error = await sourceWith({ url: API, retries: 0 }, { proxies })
      .read()
      .catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'network', message: expect.stringMatching(says) });
    expect(String(error)).not.toContain('secret-1');
  });

  it('fails by an error that names the proxy when what answers is no API', async () => {
    const api = await startApi((_request, response) => response.writeHead(502).end('<html>gone</html>'));
    const proxy = await startProxy(Number(new URL(api.url).port));
    const proxies = proxiesOf({ HTTP_PROXY: `http://${proxy.host}` });
    const { read } = sourceWith({ url: API, retries: 0 }, { proxies });
    await expect(read()).rejects.toThrow(
      `answered 502: "<html>gone</html>", by way of the proxy http://${proxy.host} that HTTP_PROXY`,
    );
  });
});

describe('the proxies of an environment', () => {
  it.each([
    ['http://api.example.org', {}, 'http_proxy'],
    ['https://api.example.org', {}, 'HTTPS_PROXY'],
    ['https://api.example.org', { NO_PROXY: 'example.org' }, undefined],
    ['https://api.example.org', { NO_PROXY: '.example.org:443' }, undefined],
    ['https://api.example.org:8443', { NO_PROXY: 'x, *.example.org:443' }, 'HTTPS_PROXY'],
    ['https://notexample.org', { NO_PROXY: 'example.org' }, 'HTTPS_PROXY'],
    ['https://api.example.org', { no_proxy: '*' }, undefined],
    ['https://[::1]:8443', {}, undefined],
    ['http://localhost', {}, undefined],
    ['http://127.1', {}, undefined],
  ])('%s is asked through the one that fits (%o)', (origin, more, variable) => {
    const proxies = proxiesOf({ http_proxy: 'http://one:1', HTTPS_PROXY: 'http://two:2', ...more });
    expect(proxyFor(proxies, new URL(origin).origin)?.variable).toBe(variable);
  });

  it('serve https too where only HTTP_PROXY is set', () => {
    expect(proxyFor(proxiesOf({ HTTP_PROXY: 'http://one:1' }), 'https://example.org')?.url).toBe('http://one:1');
  });

  it.each(['ftp://proxy:1', 'http://', 'http://a b'])('are refused where they cannot be one: %s', (value) => {
    expect(() => proxiesOf({ HTTPS_PROXY: value })).toThrow(/^HTTPS_PROXY is no address of a proxy: expected/);
  });

  it.each([
    ['localhost', true],
    ['api.localhost', true],
    ['[::1]', true],
    ['[::ffff:7f00:1]', true],
    ['127.0.0.53', true],
    ['127.example.org', false],
    ['localhost.example.org', false],
    ['[::2]', false],
  ])('%s is this machine: %s', (hostname, is) => {
    expect(isLoopback(hostname)).toBe(is);
  });
});
