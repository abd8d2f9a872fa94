import { randomUUID } from 'node:crypto';
import { createProducer, createSeal, redisTokenStore, tryEndpoint } from '@tributary/producer';
import { createLogger, parsePipeline, Redis, systemClock } from '@tributary/shared';
import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { describeTokenStore } from '../../producer/test/sources/rest/auth/token-store-conformance.js';
import { json, startApi } from '../../producer/test/support/api.js';
import { recordingLog } from '../../producer/test/support/log.js';
import { uniqueName } from '../services/handle.js';

const SECRET = 'a-long-random-text-of-the-environment';
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

/** A pipeline of its own in Redis. */
function openRedis(pipeline = uniqueName('tokens')) {
  const redis = new Redis(inject('redisUrl'));
  onTestFinished(async () => {
    const keys = await redis.keys(`{${pipeline}}:*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
  });
  const open = (secret = SECRET, ownLog = log) =>
    redisTokenStore({ redis, pipeline, seal: () => createSeal(secret, pipeline), clock: systemClock, log: ownLog });
  /** Everything that is kept there, as who can read Redis sees it. */
  const dump = async () =>
    JSON.stringify([await redis.keys(`{${pipeline}}:*`), await redis.hgetall(`{${pipeline}}:tokens`)]);
  return { redis, pipeline, open, dump };
}

const { signal } = new AbortController();
const token = { value: 'access-secret-1', goodUntil: null, refreshToken: 'refresh-secret-1' };

describeTokenStore('Redis', async () => {
  const { open } = openRedis();
  return { one: open(), other: open() };
});

test('tokens in Redis can be read by none who lacks the secret, nor can the settings that they came by', async () => {
  const { open, dump } = openRedis();
  await open().renew('family of refresh-secret-0', async () => token, signal);
  expect(await dump()).toContain(':tokens');
  expect(await dump()).not.toMatch(/secret-\d|access|family/);
  expect(await open('another-long-random-text').load('family of refresh-secret-0')).toBeUndefined();
  expect(await open().load('family of refresh-secret-0')).toEqual(token);
});

test('a token in Redis that was altered counts as none, and is told of', async () => {
  const { redis, pipeline, open } = openRedis();
  await open().renew('a', async () => token, signal);
  const [name = ''] = await redis.hkeys(`{${pipeline}}:tokens`);
  await redis.hset(`{${pipeline}}:tokens`, name, 'v1.AAAA');
  const { log: recording, lines } = recordingLog();
  expect(await open(SECRET, recording).load('a')).toBeUndefined();
  expect(lines.map(({ msg }) => msg)).toEqual([
    expect.stringContaining('was it written with another TRIBUTARY_SECRET?'),
  ]);
});

test('the lock of a producer that died holds others up for seconds only', async () => {
  const { redis, pipeline, open } = openRedis();
  await open().renew('a', async () => token, signal);
  const name = createSeal(SECRET, pipeline).nameOf('a');
  await redis.set(`{${pipeline}}:token-lock:${name}`, randomUUID(), 'PX', 800);
  const begun = Date.now();
  await open().renew('a', async (kept) => ({ value: `after ${kept?.value}`, goodUntil: null }), signal);
  expect(Date.now() - begun).toBeGreaterThan(500);
  expect(await open().load('a')).toMatchObject({ value: 'after access-secret-1' });
  expect(await redis.exists(`{${pipeline}}:token-lock:${name}`)).toBe(0);
});

test('a producer that was suspended does not write over what another has stored meanwhile', async () => {
  const { redis, pipeline, open } = openRedis();
  const name = createSeal(SECRET, pipeline).nameOf('a');
  const late = open().renew(
    'a',
    async () => {
      // Its lock has run out, and another has come and gone.
      await redis.del(`{${pipeline}}:token-lock:${name}`);
      await open().renew('a', async () => token, signal);
      return { value: 'late', goodUntil: null };
    },
    signal,
  );
  expect(await late).toEqual(token);
  expect(await open().load('a')).toEqual(token);
});

/** A server that replaces the refresh token with each use, and revokes all when one is used twice; and its API. */
async function startRotating() {
  const state = { refresh: 'refresh-secret-0', access: '', used: [] as string[], revoked: false };
  const tokens = await startApi(({ body }, response) => {
    const shown = new URLSearchParams(body).get('refresh_token') ?? '';
    state.used.push(shown);
    if (shown !== state.refresh) state.revoked = true;
    if (state.revoked) return response.writeHead(400).end('{"error":"invalid_grant"}');
    state.refresh = `refresh-secret-${state.used.length}`;
    state.access = `access-secret-${state.used.length}`;
    setTimeout(
      () => json(response, { access_token: state.access, refresh_token: state.refresh, expires_in: 3_600 }),
      50,
    );
  });
  const api = await startApi(({ headers }, response) =>
    headers.authorization === `Bearer ${state.access}`
      ? json(response, [{ id: 'a', updatedAt: '2026-03-01T11:00:00Z' }])
      : response.writeHead(401).end(),
  );
  return { state, tokenUrl: tokens.url, url: api.url };
}

function pipelineOf({ tokenUrl, url }: { tokenUrl: string; url: string }, name: string) {
  const auth = { type: 'oauth2', tokenUrl, clientId: 'client-1', refreshToken: 'refresh-secret-0' };
  const endpoint = { url, entity: 'thing', auth, retries: 0 };
  const thing = {
    dataset: 'things',
    queue: `${name}.things`,
    key: 'id',
    version: 'updatedAt',
    fields: { id: 'string', updatedAt: 'datetime' },
  };
  const endpoints = { one: { ...endpoint, url: `${url}/1` }, two: { ...endpoint, url: `${url}/2` } };
  const pipeline = { name, entities: { thing }, endpoints };
  return parsePipeline(JSON.stringify(pipeline), {}, 'test');
}

test('a refresh token that a server replaces is found by other producers, after a restart, and by `try`', async () => {
  const servers = await startRotating();
  const { pipeline: name, dump } = openRedis();
  const config = pipelineOf(servers, name);
  const { log: recording, text } = recordingLog();
  const start = async (secret: string | undefined = SECRET) => {
    const common = { config, instance: 'test', log: recording, schedule: false, port: 0, host: '127.0.0.1' };
    const producer = createProducer({ ...common, amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl'), secret });
    onTestFinished(() => producer.stop());
    await producer.start();
    return producer;
  };
  onTestFinished(async () => {
    const broker = await connect(inject('amqpUrl'));
    const channel = await broker.createChannel();
    await channel.deleteQueue(`${name}.things`);
    await channel.deleteQueue(`${name}.things.dead`);
    await channel.deleteExchange(name);
    await channel.deleteExchange(`${name}.dead`);
    await broker.close();
  });
  const { state } = servers;
  const failures = (summaries: readonly { error?: string }[]) => summaries.flatMap(({ error }) => error ?? []);

  // Two producers with two endpoints each need a token at the same time.
  const [first, second] = await Promise.all([start(), start()]);
  expect(failures((await Promise.all([first.pollOnce(), second.pollOnce()])).flat())).toEqual([]);
  expect(state.used).toEqual(['refresh-secret-0']);
  state.access = 'revoked';
  expect(failures((await Promise.all([first.pollOnce(), second.pollOnce()])).flat())).toEqual([]);
  expect(state.used).toEqual(['refresh-secret-0', 'refresh-secret-1']);

  await Promise.all([first.stop(), second.stop()]);
  const third = await start();
  expect(failures(await third.pollOnce())).toEqual([]);
  expect(state.used).toHaveLength(2);
  state.access = 'revoked';
  expect(failures(await third.pollOnce())).toEqual([]);
  expect(state.used).toHaveLength(3);

  state.access = 'revoked';
  let written = '';
  const write = (said: string) => {
    written += said;
  };
  const kept = { redisUrl: inject('redisUrl'), secret: SECRET };
  await tryEndpoint({ config, id: 'one', limit: 1, clock: systemClock, proxies: {}, kept, write });
  expect(written).toContain('1 shown, 0 of them would be dead-lettered');
  expect(failures(await third.pollOnce())).toEqual([]);
  expect([state.used.length, state.revoked]).toEqual([4, false]);

  expect(await dump()).not.toMatch(/secret-\d/);
  expect(`${text()} ${written}`).not.toMatch(/secret-\d/);
});
