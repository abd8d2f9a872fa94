import { describe, expect, it, vi } from 'vitest';
import { memoryTokenStores } from '../../../../src/sources/rest/auth/token-store.js';
import { json, startApi } from '../../../support/api.js';
import { recordsOf, sourceWith } from '../../../support/source.js';

interface TokenServer {
  /** The refresh token that is replaced by another with each use; false: it stays. */
  readonly rotates?: boolean;
  /** How long an access token lives, in seconds. */
  readonly lifetime?: number | string;
  /** What it answers instead. */
  refusal?: { status: number; body: object };
}

/**
 * A server of OAuth 2 that revokes everything when a refresh token that was replaced is used again (RFC 9700), and an API that takes
 * its newest access token, or the one that was pasted.
 */
async function startServers(server: TokenServer = {}) {
  const state = { refresh: 'refresh-0', access: 'pasted-token', given: 0, revoked: false, refusesAll: false };
  const used: string[] = [];
  const tokens = await startApi(({ body }, response) => {
    const form = new URLSearchParams(body);
    const shown = form.get('refresh_token') ?? '';
    used.push(shown);
    if (server.refusal !== undefined)
      return response.writeHead(server.refusal.status).end(JSON.stringify(server.refusal.body));
    if (form.get('grant_type') !== 'refresh_token')
      return response.writeHead(400).end('{"error":"unsupported_grant_type"}');
    if (shown !== state.refresh || state.revoked) {
      state.revoked = true;
      return response
        .writeHead(400)
        .end(JSON.stringify({ error: 'invalid_grant', error_description: `${shown} was revoked` }));
    }
    state.given += 1;
    state.access = `access-${state.given}`;
    if (server.rotates) state.refresh = `refresh-${state.given}`;
    json(response, {
      access_token: state.access,
      expires_in: server.lifetime ?? 3_600,
      ...(server.rotates ? { refresh_token: state.refresh } : {}),
    });
  });
  const api = await startApi(({ headers }, response) => {
    if (headers.authorization === `Bearer ${state.access}` && !state.refusesAll) json(response, [state.given]);
    else response.writeHead(401).end(`who is ${headers.authorization}?`);
  });
  const auth = { type: 'oauth2', tokenUrl: `${tokens.url}/token`, clientId: 'client-1', refreshToken: 'refresh-0' };
  return { api, tokens, state, used, auth, server };
}

describe('an endpoint with a refresh token', () => {
  it('asks with it for a token, as a client without a secret', async () => {
    const { api, tokens, auth } = await startServers();
    const { read } = sourceWith({ url: api.url, auth: { ...auth, scope: 'a b', form: { resource: 'crm' } } });
    expect(recordsOf(await read())).toEqual([1]);
    expect(recordsOf(await read())).toEqual([1]);
    expect(tokens.asked.map(({ body }) => body)).toEqual([
      'grant_type=refresh_token&refresh_token=refresh-0&scope=a+b&client_id=client-1&resource=crm',
    ]);
  });

  it.each([
    ['header', undefined, 'Basic Y2xpZW50LTE6czNjcmV0', undefined],
    ['body', 'body', undefined, 's3cret'],
  ])('shows the secret of the client in the %s', async (_where, credentialsIn, authorization, inBody) => {
    const { api, tokens, auth } = await startServers();
    await sourceWith({
      url: api.url,
      auth: { ...auth, clientSecret: 's3cret', ...(credentialsIn && { credentialsIn }) },
    }).read();
    const [{ headers, body } = { headers: {}, body: '' }] = tokens.asked;
    expect(headers.authorization).toBe(authorization);
    expect(new URLSearchParams(body).get('client_secret') ?? undefined).toBe(inBody);
  });

  it('begins with a token of the settings, and renews it when it is refused', async () => {
    const { api, used, state, auth } = await startServers();
    const { read } = sourceWith({ url: api.url, auth: { ...auth, grant: 'refresh-token', token: 'pasted-token' } });
    expect(recordsOf(await read())).toEqual([0]);
    expect(used).toEqual([]);
    state.access = 'another';
    expect(recordsOf(await read())).toEqual([1]);
    expect(used).toEqual(['refresh-0']);
  });

  it('takes no empty token for one', async () => {
    const { api, auth } = await startServers();
    expect(recordsOf(await sourceWith({ url: api.url, auth: { ...auth, token: '' } }).read())).toEqual([1]);
    expect(api.asked).toHaveLength(1);
  });

  it.each([
    ['stays', false, ['refresh-0', 'refresh-0', 'refresh-0']],
    ['is replaced with each use', true, ['refresh-0', 'refresh-1', 'refresh-2']],
  ])('renews the token before it expires, by a refresh token that %s', async (_what, rotates, expected) => {
    const { api, used, auth } = await startServers({ rotates, lifetime: '100' });
    const { read, clock, doubts } = sourceWith({ url: api.url, auth });
    for (let run = 1; run <= 3; run++) {
      expect(recordsOf(await read())).toEqual([run]);
      clock.set(clock.now() + 95_000);
    }
    expect(used).toEqual(expected);
    expect(doubts.filter((text) => text.includes('TRIBUTARY_SECRET'))).toHaveLength(rotates ? 1 : 0);
  });

  it('goes on with the newest one after another endpoint, or the process before, has had it replaced', async () => {
    const { api, used, auth, state } = await startServers({ rotates: true });
    const tokens = memoryTokenStores();
    const settings = { url: api.url, auth: { ...auth, token: 'expired-long-ago' } };
    expect(recordsOf(await sourceWith(settings, { tokens }).read())).toEqual([1]);
    // The token of the settings is not even tried.
    expect(recordsOf(await sourceWith(settings, { tokens }).read())).toEqual([1]);
    expect(api.asked).toHaveLength(3);
    state.access = 'another';
    expect(recordsOf(await sourceWith(settings, { tokens }).read())).toEqual([2]);
    expect(used).toEqual(['refresh-0', 'refresh-1']);
  });

  it('is used once by many endpoints that need a token at the same time', async () => {
    const { api, used, auth, state } = await startServers({ rotates: true });
    const tokens = memoryTokenStores();
    const sources = Array.from({ length: 5 }, () => sourceWith({ url: api.url, auth }, { tokens }));
    const readAll = async () => (await Promise.all(sources.map(({ read }) => read()))).map(recordsOf);
    expect(await readAll()).toEqual([[1], [1], [1], [1], [1]]);
    state.access = 'revoked';
    expect(await readAll()).toEqual([[2], [2], [2], [2], [2]]);
    expect(used).toEqual(['refresh-0', 'refresh-1']);
  });

  it('finishes asking for a token when the run is stopped, since the answer may hold the only copy', async () => {
    const answers: (() => void)[] = [];
    const server = await startApi(
      (_request, response) =>
        void answers.push(() => json(response, { access_token: 'access-1', refresh_token: 'refresh-1' })),
    );
    const api = await startApi((_request, response) => json(response, [1]));
    const tokens = memoryTokenStores();
    const auth = { type: 'oauth2', tokenUrl: server.url, clientId: 'client-1', refreshToken: 'refresh-0' };
    const { read, stop } = sourceWith({ url: api.url, auth }, { tokens });
    const reading = read();
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    stop.abort(new Error('stopping'));
    answers[0]?.();
    await expect(reading).rejects.toThrow('stopping');
    expect(recordsOf(await sourceWith({ url: api.url, auth }, { tokens }).read())).toEqual([1]);
    expect(answers).toHaveLength(1);
  });

  it.each([
    [
      'the refresh token',
      'invalid_grant',
      'the refresh token was revoked, has expired, or was used already: obtain a new one',
    ],
    ['the client', 'invalid_client', 'look at clientId, clientSecret and credentialsIn'],
    ['the scope', 'invalid_scope', 'look at scope'],
  ])('says what to do when the server refuses %s, and shows no secret', async (_what, error, advice) => {
    const body = { error, error_description: 'refresh-0 of client-1 with s3cret is no good' };
    const { api, auth } = await startServers({ refusal: { status: 400, body } });
    const { read } = sourceWith({ url: api.url, auth: { ...auth, clientSecret: 's3cret' } });
    const refused = await read().catch((caught: Error) => caught);
    const said = `answered 400 (${error}): "[secret] of [secret] with [secret] is no good"; ${advice}`;
    expect(refused).toMatchObject({
      name: 'FatalError',
      code: 'token_refused',
      message: expect.stringContaining(said),
    });
    expect(api.asked).toHaveLength(0);
  });

  it('asks the API no more than twice when it refuses a new token as well', async () => {
    const { api, tokens, auth, state } = await startServers();
    const { read, clock } = sourceWith({ url: api.url, auth: { ...auth, token: 'pasted-token' } });
    await read();
    state.refusesAll = true;
    await expect(read()).rejects.toMatchObject({ code: 'http_401' });
    expect([api.asked.length, tokens.asked.length]).toEqual([3, 1]);
    await expect(read()).rejects.toMatchObject({ code: 'http_401' });
    expect([api.asked.length, tokens.asked.length]).toEqual([4, 1]);
    // A person may have given the account more rights meanwhile, which only a new token has.
    await clock.advance(61_000);
    await expect(read()).rejects.toMatchObject({ code: 'http_401' });
    expect([api.asked.length, tokens.asked.length]).toEqual([6, 2]);
  });
});
