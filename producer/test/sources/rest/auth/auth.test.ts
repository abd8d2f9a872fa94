import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { json, startApi } from '../../../support/api.js';
import { CERTIFICATES } from '../../../support/certificates.js';
import { recordsOf, sourceWith } from '../../../support/source.js';

describe('an endpoint with credentials', () => {
  it.each([
    ['bearer', { type: 'bearer', token: 'token-1234' }, 'authorization', 'Bearer token-1234'],
    ['basic', { type: 'basic', username: 'me', password: 'pässword' }, 'authorization', 'Basic bWU6cMOkc3N3b3Jk'],
    ['api-key', { type: 'api-key', name: 'X-Api-Key', value: 'key-1234' }, 'x-api-key', 'key-1234'],
  ])('shows them (%s)', async (_type, auth, header, value) => {
    const api = await startApi((_request, response) => json(response, [1]));
    await sourceWith({ url: api.url, auth }).read();
    expect(api.asked[0]?.headers[header]).toBe(value);
  });

  it('shows an API key in the query, keeps it out of what it remembers, and in no error', async () => {
    let status = 200;
    const api = await startApi(({ url }, response) => {
      if (status === 200) json(response, [1], { etag: '"1"' });
      else response.writeHead(status).end(`no: ${url.search}`);
    });
    const auth = { type: 'api-key', in: 'query', name: 'key', value: 'key-1234' };
    const { read } = sourceWith({ url: `${api.url}/x`, auth });
    const pages = await read();
    expect(api.paths).toEqual(['/x?key=key-1234']);
    expect(JSON.stringify(pages)).not.toContain('key-1234');
    status = 403;
    const error = String(await read().catch(String));
    expect(error).toContain('answered 403');
    expect(error).not.toContain('key-1234');
  });
});

describe('an endpoint with OAuth 2 client credentials', () => {
  const secrets = { clientId: 'client-1', clientSecret: 's3cret-é' };

  /** An API that takes the token that was given out last, and where that is had. */
  async function setUp(settings: object = {}, token: { status?: number; lifetime?: number } = {}) {
    const given: string[] = [];
    const forms: { body: string; authorization: string | undefined }[] = [];
    const server = createHttp(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      forms.push({ body, authorization: request.headers.authorization });
      if (token.status !== undefined)
        return response.writeHead(token.status).end(JSON.stringify({ error: 'invalid_client', said: body }));
      given.push(`token-${given.length + 1}`);
      json(response, { access_token: given.at(-1), expires_in: token.lifetime ?? 3_600, token_type: 'Bearer' });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const good = { refuseAll: false, revoked: '' };
    const api = await startApi(({ headers }, response) => {
      const last = `Bearer ${given.at(-1)}`;
      if (good.refuseAll || headers.authorization !== last || last === `Bearer ${good.revoked}`) {
        return response.writeHead(401).end(`who is ${headers.authorization}?`);
      }
      json(response, [1]);
    });
    const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const auth = { type: 'oauth2', tokenUrl, ...secrets, ...settings };
    return { ...sourceWith({ url: api.url, auth, retries: 1 }), api, forms, given, good };
  }

  it('asks for a token once, in a form, and shows it with each request', async () => {
    const { read, forms, given } = await setUp({ scope: 'read write', audience: 'crm' });
    for (let index = 0; index < 3; index++) expect(recordsOf(await read())).toEqual([1]);
    expect(given).toHaveLength(1);
    expect(forms).toEqual([
      {
        body: 'grant_type=client_credentials&scope=read+write&audience=crm',
        authorization: `Basic ${Buffer.from(`client-1:${encodeURIComponent('s3cret-é')}`).toString('base64')}`,
      },
    ]);
  });

  it('shows its credentials in the form where the server wants them there', async () => {
    const { read, forms } = await setUp({ credentialsIn: 'body' });
    await read();
    expect(new URLSearchParams(forms[0]?.body).get('client_secret')).toBe('s3cret-é');
    expect(forms[0]?.authorization).toBeUndefined();
  });

  it('renews the token before it runs out', async () => {
    const { read, given, clock } = await setUp({}, { lifetime: 100 });
    await read();
    clock.set(clock.now() + 60_000);
    await read();
    expect(given).toHaveLength(1);
    clock.set(clock.now() + 35_000);
    expect(recordsOf(await read())).toEqual([1]);
    expect(given).toHaveLength(2);
  });

  it('requests another token, once, when the API no longer accepts the present one', async () => {
    const { read, given, good, api } = await setUp();
    await read();
    good.revoked = 'token-1';
    expect(recordsOf(await read())).toEqual([1]);
    expect(given).toHaveLength(2);
    good.refuseAll = true;
    await expect(read()).rejects.toMatchObject({ code: 'http_401' });
    expect([given.length, api.asked.length]).toEqual([3, 5]);
    await expect(read()).rejects.toMatchObject({ code: 'http_401' });
    expect(given).toHaveLength(3);
  });

  it('says that the credentials are refused, without showing them or the token', async () => {
    const { read, good } = await setUp();
    good.refuseAll = true;
    const ofApi = String(await read().catch(String));
    expect(ofApi).toContain('who is Bearer [secret]?');
    const refusing = await setUp({}, { status: 401 });
    const error = await refusing.read().catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'token_refused', message: expect.stringContaining('401 (invalid_client)') });
    expect(refusing.forms).toHaveLength(1);
    for (const secret of ['s3cret', 'token-1', 'client-1']) expect(`${ofApi} ${error}`).not.toContain(secret);
  });

  it('tries again when the server that gives tokens is not well', async () => {
    const { read, forms, retries } = await setUp({}, { status: 503 });
    await expect(read()).rejects.toMatchObject({ code: 'token_unavailable' });
    expect([forms.length, retries]).toEqual([2, ['token_unavailable']]);
  });
});

describe('an endpoint behind TLS', () => {
  async function startTls(options: object) {
    const { serverCert: cert, serverKey: key } = CERTIFICATES;
    const server = createHttps({ cert, key, ...options }, (_request, response) => json(response, [1]));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `https://localhost:${(server.address() as AddressInfo).port}/`;
  }

  it('is trusted if its authority is named, and not otherwise', async () => {
    const url = await startTls({});
    expect(recordsOf(await sourceWith({ url, tls: { ca: CERTIFICATES.ca } }).read())).toEqual([1]);
    await expect(sourceWith({ url, retries: 0 }).read()).rejects.toThrow(/self.signed|unable to verify/i);
  });

  it('is shown a certificate where it asks for one', async () => {
    const url = await startTls({ requestCert: true, rejectUnauthorized: true, ca: CERTIFICATES.ca });
    const { ca, clientCert: cert, clientKey: key } = CERTIFICATES;
    expect(recordsOf(await sourceWith({ url, tls: { ca, cert, key } }).read())).toEqual([1]);
    await expect(sourceWith({ url, retries: 0, tls: { ca } }).read()).rejects.toMatchObject({ code: 'network' });
  });
});
