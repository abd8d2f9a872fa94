import { expect, test, vi } from 'vitest';
import { chooseService, type ServiceKind } from './choose.js';
import type { PrivateService } from './handle.js';

const url = 'redis://127.0.0.1:1';
const handle = { url, how: '/usr/bin/redis-server, run privately', stop: async () => {} };
const kind = {
  name: 'Redis',
  variable: 'REDIS_URL',
  example: 'redis://127.0.0.1:6379',
  image: 'redis:8',
  debianPackage: 'redis-server',
  check: async () => {},
  startContainer: async () => handle,
  startPrivate: async () => handle as PrivateService,
} satisfies ServiceKind;

const noEngine = async () => undefined;
const someEngine = async () => '28.0';
const refuse = (reason: string) => () => Promise.reject(new Error(reason));

test('a URL in the environment comes first, and its password is not printed', async () => {
  const say = vi.fn();
  const environment = { REDIS_URL: 'redis://user:secret@127.0.0.1:6379' };
  const chosen = await chooseService(kind, environment, say, someEngine);
  expect(chosen.url).toBe(environment.REDIS_URL);
  expect(say.mock.calls).toEqual([['Redis for the tests: REDIS_URL (redis://127.0.0.1:6379)']]);
});

test('a URL where nobody answers is an error, and no other server is taken for it', async () => {
  const deaf = { ...kind, check: refuse('connect ECONNREFUSED') };
  const environment = { REDIS_URL: 'redis://user:secret@127.0.0.1:6379' };
  const message = await chooseService(deaf, environment, vi.fn(), someEngine).catch((error: Error) => error.message);
  expect(message).toBe(
    'REDIS_URL (redis://127.0.0.1:6379) does not answer: connect ECONNREFUSED. Start that Redis, or unset REDIS_URL.',
  );
});

test('then Docker, where an engine answers', async () => {
  const say = vi.fn();
  await chooseService(kind, {}, say, someEngine);
  expect(say.mock.calls).toEqual([['Redis for the tests: a container of redis:8, Docker 28.0 (REDIS_URL is not set)']]);
});

test('then a program of this machine, saying in one line why the image was not to be had', async () => {
  const say = vi.fn();
  const noImage = { ...kind, startContainer: refuse('pull access denied\nfor redis') };
  await chooseService(noImage, { REDIS_URL: '' }, say, someEngine);
  const why = 'REDIS_URL is not set; Docker 28.0 cannot run redis:8: pull access denied for redis';
  expect(say.mock.calls).toEqual([[`Redis for the tests: ${handle.how} (${why})`]]);
});

test('otherwise it fails, and says what was tried and what to do', async () => {
  const nothing = {
    ...kind,
    startPrivate: refuse('redis-server is not installed here, and cannot be: apt-get needs root'),
  };
  const message = await chooseService(nothing, {}, vi.fn(), noEngine).catch((error: Error) => error.message);
  expect(message).toBe(
    'No Redis for the tests: REDIS_URL is not set; no Docker engine answers; redis-server is not installed here, and ' +
      'cannot be: apt-get needs root\nSet REDIS_URL (redis://127.0.0.1:6379), or start Docker, or install redis-server.',
  );
});
