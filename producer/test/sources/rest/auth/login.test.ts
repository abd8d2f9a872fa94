import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Asked, json, startApi } from '../../../support/api.js';
import { recordsOf, sourceWith } from '../../../support/source.js';

type Give = (response: Parameters<typeof json>[0], token: string) => void;

/** A server that one logs in to, and an API that takes the newest token where the test says that it is carried. */
async function startServers(give: Give, carried: (request: Asked) => unknown) {
  let given = 0;
  let newest = '';
  const login = await startApi((_request, response) => {
    given += 1;
    newest = `token-${given}`;
    give(response, newest);
  });
  const api = await startApi((request, response) =>
    carried(request) === newest
      ? json(response, [given])
      : response.writeHead(401).end(`no: ${String(carried(request))}`),
  );
  return { login, api, url: `${login.url}/session`, revoke: () => (newest = 'revoked') };
}

const bearer = ({ headers }: Asked) => headers.authorization?.replace(/^Bearer /, '');

describe('an endpoint that logs in', () => {
  it.each([
    [
      'JSON',
      { body: { user: 'ada', password: 'pa ss' } },
      'POST',
      '{"user":"ada","password":"pa ss"}',
      'application/json',
    ],
    [
      'a form',
      { form: { user: 'ada', password: 'pa ss' } },
      'POST',
      'user=ada&password=pa+ss',
      'application/x-www-form-urlencoded',
    ],
    ['text', { body: '<login/>', headers: { 'Content-Type': 'text/xml' } }, 'POST', '<login/>', 'text/xml'],
    ['nothing', { method: 'GET' }, 'GET', '', undefined],
    ['a body that is put', { method: 'PUT', body: { pin: 1234 } }, 'PUT', '{"pin":1234}', 'application/json'],
  ])('sends %s', async (_what, settings, method, body, type) => {
    const { login, api, url } = await startServers((response, token) => json(response, { data: { token } }), bearer);
    const { read } = sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.data.token', ...settings } });
    expect(recordsOf(await read())).toEqual([1]);
    expect(recordsOf(await read())).toEqual([1]);
    expect(login.asked).toHaveLength(1);
    expect(login.asked[0]).toMatchObject({ method, path: '/session', body });
    expect(login.asked[0]?.headers['content-type']).toBe(type);
  });

  it.each([
    ['a body that is the token', (response, token) => json(response, token), '$'],
    ['a body of plain text', (response, token) => response.end(`${token}\n`), '$'],
    [
      'a header',
      (response, token) => response.writeHead(204, { 'X-Auth-Token': token }).end(),
      { header: 'X-Auth-Token' },
    ],
  ] as const satisfies readonly (readonly [string, Give, unknown])[])(
    'finds the token in %s',
    async (_where, give, token) => {
      const { api, url } = await startServers(give, bearer);
      expect(recordsOf(await sourceWith({ url: api.url, auth: { type: 'login', url, token } }).read())).toEqual([1]);
    },
  );

  it('carries the cookie of a session, beside other cookies, also after a redirect', async () => {
    const { api, url } = await startServers(
      (response, token) =>
        response
          .writeHead(302, { location: '/home', 'set-cookie': ['other=1', `sid=${token}; Path=/; HttpOnly`] })
          .end(),
      ({ headers }) => /^lang=de; sid=(.*)$/.exec(headers.cookie ?? '')?.[1],
    );
    const auth = { type: 'login', url, form: { user: 'ada' }, token: { cookie: 'sid' } };
    expect(recordsOf(await sourceWith({ url: api.url, headers: { cookie: 'lang=de' }, auth }).read())).toEqual([1]);
  });

  it.each([
    ['a header of its own', { header: 'X-Session' }, ({ headers }: Asked) => headers['x-session']],
    [
      'another prefix',
      { prefix: 'Token token=' },
      ({ headers }: Asked) => headers.authorization?.replace(/^Token token=/, ''),
    ],
    ['no prefix', { prefix: '' }, ({ headers }: Asked) => headers.authorization],
    ['the query', { parameter: 'sid' }, ({ url }: Asked) => url.searchParams.get('sid')],
  ])('carries the token in %s', async (_where, place, carried) => {
    const { api, url } = await startServers((response, token) => json(response, { token }), carried);
    expect(
      recordsOf(await sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token', ...place } }).read()),
    ).toEqual([1]);
  });

  it('logs in again when the token is refused', async () => {
    const { login, api, url, revoke } = await startServers((response, token) => json(response, { token }), bearer);
    const { read } = sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token' } });
    await read();
    revoke();
    expect(recordsOf(await read())).toEqual([2]);
    expect(login.asked).toHaveLength(2);
  });

  it.each([
    ['the settings', { lifetime: '100s' }, {}],
    ['seconds in the answer', { expires: '$.ttl' }, { ttl: 100 }],
    ['seconds as text', { expires: '$.ttl' }, { ttl: '100' }],
    ['a time in the answer', { expires: '$.until' }, { until: '2026-03-01T12:01:40Z' }],
    ['seconds since the epoch', { expires: '$.until' }, { until: Date.parse('2026-03-01T12:01:40Z') / 1_000 }],
    ['milliseconds since the epoch', { expires: '$.until' }, { until: Date.parse('2026-03-01T12:01:40Z') }],
  ])('logs in again before the token expires, as %s say', async (_where, settings, told) => {
    const { login, api, url } = await startServers((response, token) => json(response, { token, ...told }), bearer);
    const { read, clock } = sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token', ...settings } });
    await read();
    clock.set(clock.now() + 80_000);
    await read();
    expect(login.asked).toHaveLength(1);
    clock.set(clock.now() + 15_000);
    await read();
    expect(login.asked).toHaveLength(2);
  });

  it('shows by another kind of credentials who logs in', async () => {
    const { login, api, url } = await startServers(
      (response, token) => response.writeHead(201).end(JSON.stringify({ token })),
      bearer,
    );
    const key = String(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    );
    const app = { type: 'jwt-bearer', assertion: 'header', issuer: 'app-1', algorithm: 'ES256', key };
    await sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token', auth: app } }).read();
    const basic = { type: 'basic', username: 'ada', password: 'pass-1234' };
    await sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token', auth: basic } }).read();
    expect(login.asked.map(({ headers }) => headers.authorization)).toEqual([
      expect.stringMatching(/^Bearer ey/),
      'Basic YWRhOnBhc3MtMTIzNA==',
    ]);
  });

  it('is shared by the endpoints of one account', async () => {
    const { login, api, url } = await startServers((response, token) => json(response, { token }), bearer);
    const { tokens, read } = sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token' } });
    await Promise.all([
      read(),
      sourceWith({ url: `${api.url}/other`, auth: { type: 'login', url, token: '$.token' } }, { tokens }).read(),
    ]);
    expect(login.asked).toHaveLength(1);
  });

  it.each([
    [
      'refuses',
      (response) => response.writeHead(422).end('{"error":"bad_login"}'),
      'token_refused',
      /answered 422 \(bad_login\); look at auth\.url and what is sent there/,
    ],
    [
      'answers without a token',
      (response) => json(response, { ok: true }),
      'token_invalid',
      /without what auth\.token names \(\$\.token\)/,
    ],
    [
      'answers with an object in its place',
      (response) => json(response, { token: {} }),
      'token_invalid',
      /without what auth\.token names/,
    ],
    ['is not well', (response) => response.writeHead(503).end(), 'token_unavailable', /answered 503/],
    [
      'leads elsewhere',
      (response) => response.writeHead(302, { location: '/login' }).end(),
      'token_refused',
      /answered 302/,
    ],
  ] as const satisfies readonly (readonly [string, Give, string, RegExp])[])(
    'says so when the server %s',
    async (_what, give, code, says) => {
      const { api, url } = await startServers(give, bearer);
      const { read } = sourceWith({ url: api.url, retries: 0, auth: { type: 'login', url, token: '$.token' } });
      await expect(read()).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
      expect(api.asked).toHaveLength(0);
    },
  );

  it('shows nothing of what it sent, not even numbers, nor the token', async () => {
    const sent = { user: 'ada-lovelace', nested: [{ a: 'hunter-22' }], pin: 48151623, text: 'quoted "x" & more' };
    const login = await startApi(({ body }, response) =>
      response.writeHead(400).end(JSON.stringify({ error_description: `${body} ${JSON.stringify(body)}` })),
    );
    const auth = { type: 'login', url: login.url, token: '$.token', body: sent, headers: { 'x-app': 'app-key-1' } };
    const refused = String(await sourceWith({ url: 'http://127.0.0.1:9', auth }).read().catch(String));
    expect(refused).toContain('[secret]');
    for (const secret of ['lovelace', 'hunter-22', '48151623', 'quoted']) expect(refused).not.toContain(secret);
    const { api, url, revoke } = await startServers((response, token) => json(response, { token }), bearer);
    const { read } = sourceWith({ url: api.url, auth: { type: 'login', url, token: '$.token' } });
    await read();
    revoke();
    const api2 = await startApi(({ headers }, response) => response.writeHead(401).end(`no: ${headers.authorization}`));
    const digits = await startApi((_request, response) => json(response, { token: 98765432101234567890n.toString() }));
    const error = String(
      await sourceWith({ url: api2.url, auth: { type: 'login', url: digits.url, token: '$.token' } })
        .read()
        .catch(String),
    );
    expect(error).toContain('no: Bearer [secret]');
  });
});
