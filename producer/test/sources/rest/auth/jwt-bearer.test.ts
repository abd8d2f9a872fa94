import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { json, startApi } from '../../../support/api.js';
import { recordsOf, sourceWith } from '../../../support/source.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const ed = generateKeyPairSync('ed25519');
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') => String(key.export({ type, format: 'pem' }));
const now = Date.parse('2026-03-01T12:00:00Z');
const inSeconds = now / 1_000;

/** What a JWT says, if it is signed by the key. */
async function verified(jwt: string, key: KeyObject | Uint8Array, audience?: string) {
  const options = { currentDate: new Date(now), ...(audience === undefined ? {} : { audience }) };
  const { payload } = await jwtVerify(jwt, key, options);
  return { payload, header: decodeProtectedHeader(jwt) };
}

/** A server that exchanges JWTs, and an API that takes what it gives. */
async function startServers(answer: { status?: number; body?: object } = {}) {
  const tokens = await startApi((_request, response) => {
    response
      .writeHead(answer.status ?? 200)
      .end(JSON.stringify(answer.body ?? { access_token: 'access-1', expires_in: 3_600 }));
  });
  const api = await startApi(({ headers }, response) =>
    headers.authorization === 'Bearer access-1'
      ? json(response, [1])
      : response.writeHead(401).end(headers.authorization),
  );
  const formOf = (index: number) => Object.fromEntries(new URLSearchParams(tokens.asked[index]?.body));
  return { api, tokens, tokenUrl: `${tokens.url}/token`, formOf };
}

describe('an endpoint with a JWT that is exchanged for a token', () => {
  it('signs it as a service account does, and shows the token', async () => {
    const { api, tokens, tokenUrl, formOf } = await startServers();
    const auth = {
      type: 'jwt-bearer',
      tokenUrl,
      issuer: 'robot@project.example.org',
      scope: 'calendar.readonly',
      key: pem(rsa.privateKey),
      keyId: 'key-1',
    };
    const { read } = sourceWith({ url: api.url, auth });
    expect(recordsOf(await read())).toEqual([1]);
    expect(recordsOf(await read())).toEqual([1]);
    expect(tokens.asked).toHaveLength(1);
    const { assertion = '', ...form } = formOf(0);
    expect(form).toEqual({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' });
    const { payload, header } = await verified(assertion, rsa.publicKey, tokenUrl);
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    expect(payload).toEqual({
      iss: 'robot@project.example.org',
      aud: tokenUrl,
      scope: 'calendar.readonly',
      iat: inSeconds - 60,
      exp: inSeconds + 240,
      jti: expect.any(String),
    });
  });

  it.each([
    ['RS512', pem(rsa.privateKey), rsa.publicKey],
    ['PS256', pem(rsa.privateKey, 'pkcs1'), rsa.publicKey],
    ['ES256', pem(ec.privateKey), ec.publicKey],
    ['ES256', pem(ec.privateKey, 'sec1'), ec.publicKey],
    ['EdDSA', pem(ed.privateKey), ed.publicKey],
    ['RS256', pem(rsa.privateKey).replaceAll('\n', '\\n'), rsa.publicKey],
    ['HS256', 'a-secret-of-more-than-32-characters', Buffer.from('a-secret-of-more-than-32-characters')],
  ])('signs with %s, in whatever form the key comes', async (algorithm, key, publicKey) => {
    const { api, tokenUrl, formOf } = await startServers();
    await sourceWith({ url: api.url, auth: { type: 'jwt-bearer', tokenUrl, issuer: 'me', algorithm, key } }).read();
    expect((await verified(formOf(0).assertion ?? '', publicKey)).header.alg).toBe(algorithm);
  });

  it('opens a key that is encrypted', async () => {
    const key = String(
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open-sesame' }),
    );
    const { api, tokenUrl, formOf } = await startServers();
    await sourceWith({
      url: api.url,
      auth: { type: 'jwt-bearer', tokenUrl, issuer: 'me', key, passphrase: 'open-sesame' },
    }).read();
    await verified(formOf(0).assertion ?? '', rsa.publicKey);
  });

  it('says whatever else the server wants: subject, audience, claims, form', async () => {
    const { api, tokenUrl, formOf } = await startServers();
    const auth = {
      type: 'jwt-bearer',
      tokenUrl,
      issuer: 'me',
      subject: 'ada@example.org',
      audience: 'https://id.example.org',
      scope: 'read',
      scopeIn: 'form',
      key: pem(rsa.privateKey),
      claims: { box_sub_type: 'enterprise', jti: 'mine' },
      form: { client_id: 'client-1' },
      lifetime: '10m',
    };
    await sourceWith({ url: api.url, auth }).read();
    const { assertion = '', ...form } = formOf(0);
    expect(form).toMatchObject({ scope: 'read', client_id: 'client-1' });
    const { payload } = await verified(assertion, rsa.publicKey);
    expect(payload).toMatchObject({
      sub: 'ada@example.org',
      aud: 'https://id.example.org',
      box_sub_type: 'enterprise',
      jti: 'mine',
      exp: inSeconds + 600,
    });
    expect(payload).not.toHaveProperty('scope');
  });

  it('shows by it who asks for client credentials', async () => {
    const { api, tokenUrl, formOf } = await startServers();
    const auth = {
      type: 'jwt-bearer',
      assertion: 'client',
      tokenUrl,
      issuer: 'app-1',
      scope: 'system/*.read',
      algorithm: 'ES256',
      key: pem(ec.privateKey),
    };
    await sourceWith({ url: api.url, auth }).read();
    const { client_assertion: assertion = '', ...form } = formOf(0);
    expect(form).toEqual({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      scope: 'system/*.read',
    });
    expect((await verified(assertion, ec.publicKey, tokenUrl)).payload).toMatchObject({ iss: 'app-1', sub: 'app-1' });
  });

  it('says what to look at when the server refuses it, and shows neither JWT nor key', async () => {
    const key = pem(rsa.privateKey);
    const answer = { status: 400, body: { error: 'invalid_grant', error_description: '' } };
    const { api, tokenUrl, tokens } = await startServers(answer);
    answer.body.error_description = `Invalid JWT signature, key ${key}`;
    const { read } = sourceWith({ url: api.url, auth: { type: 'jwt-bearer', tokenUrl, issuer: 'me', key } });
    const error = String(await read().catch((caught: Error) => caught.message));
    expect(error).toContain('(invalid_grant): "Invalid JWT signature');
    expect(error).toContain('look at issuer, subject, audience, scope, key and keyId');
    for (const line of key.split('\n').filter((text) => text.length > 20 && !text.startsWith('-')))
      expect(error).not.toContain(line);
    expect(tokens.asked).toHaveLength(1);
  });
});

describe('an endpoint with a JWT that is itself the token', () => {
  const auth = { type: 'jwt-bearer', assertion: 'header', issuer: 'app-1', key: pem(rsa.privateKey), lifetime: '10m' };

  it('shows it with each request, and signs another before it expires', async () => {
    const api = await startApi((_request, response) => json(response, [1]));
    const { read, clock } = sourceWith({ url: api.url, auth });
    for (const later of [0, 500_000, 100_000]) {
      clock.set(clock.now() + later);
      await read();
    }
    const shown = api.asked.map(({ headers }) => String(headers.authorization).replace('Bearer ', ''));
    expect(shown[1]).toBe(shown[0]);
    expect(shown[2]).not.toBe(shown[0]);
    const { payload } = await verified(shown[0] ?? '', rsa.publicKey);
    expect(payload).toMatchObject({ iss: 'app-1', exp: inSeconds + 600 });
    expect(payload).not.toHaveProperty('aud');
  });

  it('shows it in no error', async () => {
    const api = await startApi(({ headers }, response) => response.writeHead(403).end(`no: ${headers.authorization}`));
    const error = String(await sourceWith({ url: api.url, auth }).read().catch(String));
    expect(error).toContain('answered 403: "no: Bearer [secret]"');
  });
});
