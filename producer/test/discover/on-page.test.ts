import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FatalError, systemClock } from '@tributary/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import { targetOf } from '../../src/discover/ask/input.js';
import { reachOf } from '../../src/discover/ask/reach.js';
import { concealSecrets } from '../../src/discover/ask/secrets.js';
import { discover } from '../../src/discover/discover.js';
import { discoverForPage } from '../../src/discover/on-page.js';

const RECORDS = [
  { id: 'a1', total: '1.50' },
  { id: 'a2', total: '2.50' },
  { id: 'a3', total: null },
];
const TOKEN = 'sk_live_0123456789abcdefghij';

async function start(answer: RequestListener): Promise<{ readonly url: string; readonly port: number }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

const look = (input: string) => discoverForPage(input, { clock: systemClock, signal: new AbortController().signal });
const resolving = (...addresses: string[]) => {
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { asked, resolve };
};

describe('what is pasted on the page', () => {
  it('becomes rows and a file, in which variables stand for what is secret', async () => {
    const { url } = await start((request, response) => {
      const isRight = request.headers.authorization === `Bearer ${TOKEN}`;
      response.writeHead(isRight ? 200 : 401).end(JSON.stringify({ orders: RECORDS }));
    });
    const found = await look(`curl ${url}/v1/orders -H "Authorization: Bearer ${TOKEN}"`);
    expect(found.endpoints).toMatchObject([
      {
        id: 'orders',
        bad: 0,
        rows: [
          ['a1', '1.50'],
          ['a2', '2.50'],
          ['a3', ''],
        ],
      },
    ]);
    expect(found.endpoints[0]?.columns).toEqual([
      { name: 'id', type: 'string', full: '100 %' },
      { name: 'total', type: 'decimal?', full: '67 %' },
    ]);
    expect(found.secrets).toEqual(['API_TOKEN']);
    expect(found.requests.length).toBeGreaterThan(0);
    expect(JSON.stringify(found)).not.toContain(TOKEN);
    const refused = look(`curl ${url}/v1/orders -H "Authorization: Bearer ${TOKEN}x"`);
    await expect(refused).rejects.toThrow(/401/);
    await expect(refused).rejects.not.toThrow(TOKEN);
  });

  it('is filled in with nothing of the machine of the dashboard', async () => {
    for (const input of [
      `https://api.example.org/\${HOME}`,
      `https://api.example.org/\${file:/etc/passwd}`,
      'curl https://api.example.org -H "X-Key: $AWS_SECRET_ACCESS_KEY"',
    ])
      await expect(look(input)).rejects.toThrow(/is not filled in here/);
    await expect(look('postgres://localhost/app')).rejects.toThrow(/expected an http or https URL/);
    await expect(look('/etc/passwd')).rejects.toThrow(/expected an http or https URL|looked up|answered|refused/);
  });

  it.each([
    ['the query', (url: string, hidden: string) => `${url}/orders?q=${encodeURIComponent(hidden)}`],
    ['a part of the query', (url: string, hidden: string) => `${url}/orders?q=%24${hidden.slice(1)}`],
    ['a key', (url: string, hidden: string) => `${url}/orders?api_key=${encodeURIComponent(hidden)}`],
    ['the user', (url: string, hidden: string) => `${url.replace('//', `//${encodeURIComponent(hidden)}:x@`)}/orders`],
    [
      'base64',
      (url: string, hidden: string) =>
        `curl ${url}/orders -H 'Authorization: Basic ${Buffer.from(`me:${hidden}`).toString('base64')}'`,
    ],
    ['a form', (url: string, hidden: string) => `curl ${url}/orders -d 'q=${encodeURIComponent(hidden)}'`],
    ['JSON', (url: string, hidden: string) => `curl ${url}/orders -d '{"q":"\\u0024${hidden.slice(1)}"}'`],
    ['quotes of a shell', (url: string, hidden: string) => `curl ${url}/orders -H "x-a: "$'\\x24'"${hidden.slice(1)}"`],
  ])('is sent no file that it names in %s, where a person cannot see it', async (_where, lineOf) => {
    const folder = await mkdtemp(join(tmpdir(), 'hidden-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'key');
    await writeFile(file, 's3cret-of-the-machine');
    const told: string[] = [];
    const { url } = await start((request, response) => {
      const { authorization = '' } = request.headers;
      told.push(
        request.url ?? '',
        JSON.stringify(request.headers),
        Buffer.from(authorization.slice(6), 'base64').toString(),
      );
      response.end(JSON.stringify({ orders: RECORDS }));
    });
    const line = lineOf(url, `\${file:${file}}`);
    await expect(look(line)).rejects.toThrow(/is not filled in here|once it is decoded/);
    expect(told.join()).toBe('');
    // The command line fills in what a person writes, and nothing else.
    expect(() => concealSecrets(targetOf(line, {}), 'API')).toThrow(/once it is decoded/);
  });

  it('keeps a variable that a person of the command line has written', () => {
    const line = `curl https://api.example.org/a?q=\${A:-1} -u "$ME:\${file:/run/secrets/key}" -H "x-b: \${B}"`;
    expect(concealSecrets(targetOf(line, {}), 'API').target).toMatchObject({
      url: `https://api.example.org/a?q=\${A:-1}`,
      auth: { username: `\${ME}`, password: `\${file:/run/secrets/key}` },
      headers: { 'x-b': `\${B}` },
    });
  });

  it('follows no redirect, and no next page on another server', async () => {
    const inner = { asked: 0 };
    const secret = await start((_request, response) => {
      inner.asked += 1;
      response.end(JSON.stringify(RECORDS));
    });
    const redirecting = await start((_request, response) =>
      response.writeHead(302, { location: `${secret.url}/latest/meta-data` }).end(),
    );
    await expect(look(`${redirecting.url}/orders`)).rejects.toThrow();
    const paged = await start((_request, response) =>
      response.end(JSON.stringify({ orders: RECORDS, next: `${secret.url}/orders?page=2` })),
    );
    const { text } = await look(`${paged.url}/orders`);
    expect(text).not.toContain('next-url');
    const index = await start((_request, response) =>
      response.end(JSON.stringify({ a: `${secret.url}/a`, b: `${secret.url}/b`, c: `${secret.url}/c` })),
    );
    await look(`${index.url}/`).catch(() => {});
    expect(inner.asked).toBe(0);
  });

  it('reads no more than some megabytes', async () => {
    const { url } = await start((_request, response) => response.end(`["${'x'.repeat(3 * 1024 * 1024)}"]`));
    await expect(look(`${url}/orders`)).rejects.toThrow(/larger than/);
  });
});

describe('an answer of lists within lists', () => {
  it('is refused in words', async () => {
    const { url } = await start((_request, response) => response.end('['.repeat(20_000) + ']'.repeat(20_000)));
    await expect(look(`${url}/orders`)).rejects.toThrow(/nested too deep/);
  });
});

describe('where requests of the page may go', () => {
  it.each([
    '127.0.0.1',
    '127.8.9.1',
    '169.254.169.254',
    '0.0.0.0',
    '::1',
    '::',
    'fe80::1',
    '::ffff:127.0.0.1',
    'fd00:ec2::254',
    'fd20:ce::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '::7f00:1',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::',
    ...Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
  ])('a name that leads to %s is refused', async (address) => {
    const { resolve } = resolving('93.184.215.14', address);
    await expect(reachOf('https://evil.example/orders', resolve)).rejects.toThrow(FatalError);
    await expect(reachOf('https://evil.example/orders', resolve)).rejects.toThrow(/this machine or its own network/);
  });

  it.each(['93.184.215.14', '64:ff9b::5db8:d70e', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '10.255.254.253'])(
    'a name that leads to %s is not',
    async (address) => {
      const { resolve } = resolving(address);
      expect((await reachOf('https://api.example.org/orders', resolve)).origin).toBe('https://api.example.org');
    },
  );

  it.each(['http://127.0.0.1:3000/x', 'http://[::1]:3000/x', 'http://0x7f.1/x', 'http://localhost:3000/x'])(
    'a URL that says so itself is not: %s',
    async (url) => {
      const { resolve } = resolving('127.0.0.1');
      expect((await reachOf(url, resolve)).origin).toBe(new URL(url).origin);
    },
  );

  it.each([
    'http://169.254.169.254/x',
    'http://0xa9fea9fe/x',
    'http://[::ffff:169.254.169.254]/x',
    'http://[::169.254.169.254]/x',
    'http://[64:ff9b::a9fe:a9fe]/x',
    'http://[fe80::1]/x',
    'http://[fd00:ec2::254]/x',
    'http://100.100.100.200/x',
    'http://168.63.129.16/x',
    'http://192.0.0.192/x',
  ])('a URL that has an address where clouds give out credentials is refused: %s', async (url) => {
    const refused = reachOf(url, resolving('127.0.0.1').resolve);
    await expect(refused).rejects.toThrow(/its own network: nothing is asked there$/);
  });

  it('a name is looked up once: what it leads to later does not count', async () => {
    const { port } = await start((_request, response) => response.end(JSON.stringify({ orders: RECORDS })));
    // The name leads to this machine here, as it would to the API: the test says so by the URL's own host.
    const { asked, resolve } = resolving('127.0.0.1');
    const url = `http://api.localhost:${port}/orders`;
    const reach = await reachOf(url, resolve);
    const draft = await discover({
      target: targetOf(url, {}),
      env: {},
      requests: 12,
      clock: systemClock,
      signal: new AbortController().signal,
      reach,
    });
    expect(draft.endpoints).toMatchObject([{ id: 'orders' }]);
    expect(asked).toEqual(['api.localhost']);
  });

  it('another server is refused, whatever its name', async () => {
    const { resolve } = resolving('93.184.215.14');
    const reach = await reachOf('https://api.example.org/orders', resolve);
    expect(() => reach.refuseOthers('https://api.example.org')).not.toThrow();
    for (const other of ['http://api.example.org', 'https://api.example.org:8443', 'http://127.0.0.1'])
      expect(() => reach.refuseOthers(other)).toThrow(/another server/);
  });
});
