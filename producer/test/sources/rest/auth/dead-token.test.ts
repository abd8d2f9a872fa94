import { describe, expect, it } from 'vitest';
import { json, startApi } from '../../../support/api.js';
import { recordsOf, sourceWith } from '../../../support/source.js';

/** An API that takes the newest token, and refuses others in its own way. */
async function setUp(status: number, headers: Record<string, string>) {
  let given = 0;
  let newest = '';
  const tokens = await startApi((_request, response) => {
    given += 1;
    newest = `token-${given}`;
    json(response, { access_token: newest });
  });
  const api = await startApi(({ headers: sent }, response) => {
    if (sent.authorization === `Bearer ${newest}`) json(response, [given]);
    else response.writeHead(status, headers).end();
  });
  const auth = { type: 'oauth2', tokenUrl: tokens.url, clientId: 'client-1', clientSecret: 's3cret' };
  const source = sourceWith({ url: api.url, auth });
  return { ...source, api, tokens, revoke: () => (newest = 'revoked') };
}

describe('a token that dies before its time', () => {
  it.each([
    ['401', 401, {}],
    ['401 with a challenge', 401, { 'www-authenticate': 'Bearer error="invalid_token"' }],
    ['403 with a challenge', 403, { 'www-authenticate': 'Bearer error="invalid_token", error_description="expired"' }],
    ['403 with a challenge that names nothing but the scheme', 403, { 'www-authenticate': 'Bearer' }],
    ['403 with a challenge of another scheme', 403, { 'www-authenticate': 'Token realm="api"' }],
  ])('is renewed, and the request is sent again (%s)', async (_form, status, headers) => {
    const { read, api, tokens, revoke } = await setUp(status, headers);
    expect(recordsOf(await read())).toEqual([1]);
    revoke();
    expect(recordsOf(await read())).toEqual([2]);
    expect([api.asked.length, tokens.asked.length]).toEqual([3, 2]);
  });

  it.each([
    ['403 alone', 403, {}],
    ['403 that says that the token is good for less', 403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }],
    ['404', 404, { 'www-authenticate': 'Bearer' }],
  ])('is not taken for dead by %s', async (_form, status, headers) => {
    const { read, tokens, revoke } = await setUp(status, headers);
    await read();
    revoke();
    await expect(read()).rejects.toMatchObject({ code: `http_${status}` });
    expect(tokens.asked).toHaveLength(1);
  });

  it('is not taken for dead by a rate limit that comes with a challenge', async () => {
    const { read, tokens, revoke, clock } = await setUp(403, { 'www-authenticate': 'Bearer', 'retry-after': '600' });
    await read();
    revoke();
    await expect(read()).rejects.toMatchObject({ code: 'rate_limited', notBefore: clock.now() + 600_000 });
    expect(tokens.asked).toHaveLength(1);
  });
});

describe('requests side by side', () => {
  it('share one renewal, and none of them fails by the old token', async () => {
    const { source, stop, revoke, tokens } = await setUp(401, {});
    const read = async (parent: number) => {
      const found: unknown[] = [];
      const { signal } = stop;
      for await (const page of source.pages({ variables: { parent }, validators: [], signal }))
        found.push(...page.records);
      return found;
    };
    const readMany = () => Promise.all(Array.from({ length: 8 }, (_, index) => read(index)));
    expect(await readMany()).toEqual(Array(8).fill([1]));
    revoke();
    expect(await readMany()).toEqual(Array(8).fill([2]));
    expect(tokens.asked).toHaveLength(2);
  });
});

describe('a server for tokens that asks to wait', () => {
  it.each([
    [429, { 'retry-after': '600' }],
    [503, { 'retry-after': '600' }],
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '600' }],
  ])('is asked again after that (%s)', async (status, headers) => {
    const tokens = await startApi((_request, response) => response.writeHead(status, headers).end());
    const auth = { type: 'oauth2', tokenUrl: tokens.url, clientId: 'client-1', clientSecret: 's3cret' };
    const { read, clock } = sourceWith({ url: 'http://127.0.0.1:9', auth });
    await expect(read()).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'token_unavailable',
      notBefore: clock.now() + 600_000,
    });
    expect(tokens.asked).toHaveLength(1);
  });
});
