import { adviceOn, parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';

const tokenUrl = 'http://127.0.0.1:1/token';
const refreshing = { type: 'oauth2', tokenUrl, clientId: 'me', refreshToken: 'r' };
const SECRET = 'a-long-random-text';

function advice(
  env: Record<string, string>,
  auth: object = refreshing,
  more: object = {},
  post: object = {},
): string[] {
  const entities = { post: { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'integer' }, ...post } };
  const blog = { url: 'http://127.0.0.1:1/posts', entity: 'post', auth, ...more };
  return [...adviceOn(parsePipeline(JSON.stringify({ entities, endpoints: { blog } }), {}, 'test.yaml'), env)];
}

describe('a pipeline with a refresh token', () => {
  it('is told that a new one is lost with the process, where nothing encrypts it', () => {
    expect(advice({ REDIS_URL: 'redis://127.0.0.1' })).toEqual([
      expect.stringMatching(
        /^TRIBUTARY_SECRET is not set: if the server replaces the refresh token of blog, the new one is lost with the process/,
      ),
    ]);
  });

  it('is told that a secret is too short', () => {
    expect(advice({ REDIS_URL: 'redis://127.0.0.1', TRIBUTARY_SECRET: 'short' })).toEqual([
      expect.stringMatching(/^TRIBUTARY_SECRET has 5 characters, .*: set one of 16 or more/),
    ]);
  });

  it('is told that a Redis in memory keeps nothing', () => {
    expect(advice({ TRIBUTARY_SECRET: SECRET })).toEqual([
      expect.stringMatching(/^REDIS_URL is not set: .*is lost with the process$/),
    ]);
  });

  it.each([
    ['everything is there', { REDIS_URL: 'redis://127.0.0.1', TRIBUTARY_SECRET: SECRET }, refreshing, {}],
    ['the endpoint is not polled', {}, refreshing, { enabled: false }],
    ['the token can be obtained again', {}, { type: 'oauth2', tokenUrl, clientId: 'me', clientSecret: 's' }, {}],
    ['the token does not change', {}, { type: 'bearer', token: 't' }, {}],
  ])('is told nothing where %s', (_what, env, auth, more) => {
    expect(advice(env, auth, more)).toEqual([]);
  });

  it('is told so too if it logs in with one', () => {
    expect(advice({}, { type: 'login', url: tokenUrl, token: '$.t', auth: refreshing })).toHaveLength(1);
  });
});

it.each([
  [{}, 0],
  [{ perHost: { concurrency: 4 }, hosts: { 'db.example.org:5432': { concurrency: 32 } } }, 1],
  [{ concurrency: 8 }, 2],
])('is told that a host that hangs may keep all requests, with limits %j', (limits, count) => {
  const entities = {
    post: { dataset: 'posts', queue: 'posts', key: 'id', version: 'at', fields: { id: 'integer', at: 'datetime' } },
  };
  const url = 'postgres://reader@db.example.org:5432/bank';
  const endpoints = {
    table: { source: 'sql', url, table: 'posts', entity: 'post' },
    api: { url: 'http://127.0.0.1:1/posts', entity: 'post' },
    off: { url: 'http://127.0.0.2:1/posts', entity: 'post', enabled: false },
  };
  const told = [...adviceOn(parsePipeline(JSON.stringify({ entities, endpoints, limits }), {}, 'test.yaml'), {})];
  expect(told).toHaveLength(count);
  if (count > 0)
    expect(told[0]).toMatch(/^limits: db.example.org:5432 may have (32|8) requests .*while it hangs, no other/);
});

describe('pages that are found by number', () => {
  const incremental = { parameter: 'since' };
  const cursor = { type: 'cursor', next: '$.next', parameter: 'cursor' };
  const said = (more: object) =>
    advice({}, { type: 'bearer', token: 't' }, more, { version: 'id' }).filter((one) =>
      one.includes('twice as many requests'),
    );

  it.each([
    ['a page', { type: 'page', parameter: 'page', size: 10 }],
    ['an offset', { type: 'offset', parameter: 'offset', size: 10 }],
  ])('are told to be read twice: %s', (_what, paging) => {
    expect(said({ incremental, paging, items: '$.data' })).toHaveLength(1);
  });

  it('are told to nobody where nothing is asked for by what is new, or pages are found otherwise', () => {
    expect(said({ paging: { type: 'page', parameter: 'page', size: 10 } })).toEqual([]);
    expect(said({ incremental, paging: cursor })).toEqual([]);
  });
});
