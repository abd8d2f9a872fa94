import { healthRoutes, type ServiceRoute } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import type { Control } from '../../src/operate/control.js';
import { operationRoutes } from '../../src/operate/routes.js';
import { producerProcess } from '../../src/service.js';
import { setUpProducer } from '../support/producer.js';

const ADMIN = 'admin-token-of-tests';
const READ = 'read-token-of-tests';

const crm = { url: 'http://127.0.0.1:1/customers', entity: 'customer' };
const unused = {} as Control;
const TABLE: readonly ServiceRoute[] = [
  ...operationRoutes({ control: unused, instance: 'test', lines: () => [] }),
  ...healthRoutes({} as Parameters<typeof healthRoutes>[0], () => []),
];
const named = (role: ServiceRoute['role']) =>
  TABLE.filter((route) => route.role === role).map(({ method, path }) => [method, path.replace(':id', 'crm')] as const);

describe('what a producer tells', () => {
  const setUp = async (options: Parameters<typeof setUpProducer>[1] = {}) => {
    const { producer } = await setUpProducer({ crm }, { schedule: true, adminToken: ADMIN, ...options });
    await producer.start();
    const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
      fetch(`${producer.url}${path}`, { method, headers });
    const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;
    return { ask, statusOf };
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it('is a table of routes, of which everybody may ask for two', () => {
    expect(named('open').map(([, path]) => path)).toEqual(['/healthz', '/readyz']);
    expect(
      named('reader')
        .map(([, path]) => path)
        .sort(),
    ).toEqual(['/endpoints', '/endpoints/crm/log', '/endpoints/crm/status', '/metrics', '/status']);
    expect(new Set(named('admin').map(([method]) => method))).toEqual(new Set(['post']));
  });

  it('needs a token where reading needs one: that of programs, or the one for commands', async () => {
    const { statusOf } = await setUp({ reading: 'token', readToken: READ });
    for (const [method, path] of named('reader')) {
      expect([path, await statusOf(method, path)]).toEqual([path, 401]);
      for (const token of [READ, ADMIN]) {
        expect([path, await statusOf(method, path, bearer(token))]).toEqual([path, 200]);
      }
    }
    for (const [method, path] of named('admin')) {
      expect([path, await statusOf(method, path)]).toEqual([path, 401]);
    }
    expect(await statusOf('post', '/endpoints/crm/run', bearer(READ))).toBe(401);
  });

  it('says which setting is missing where reading needs a token and there is none', async () => {
    const { ask } = await setUp({ reading: 'token', adminToken: undefined });
    const refused = await ask('get', '/endpoints');
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('set READ_TOKEN')]);
    const health = await ask('get', '/healthz');
    expect(health.status).toBe(200);
  });

  it('tells everybody whether it is ready, and readers why not', async () => {
    const { ask } = await setUp({ reading: 'token', readToken: READ, amqpUrl: 'amqp://127.0.0.1:1' });
    const said = async (headers: Record<string, string>) => {
      const answer = await ask('get', '/readyz', headers);
      return [answer.status, await answer.text()];
    };
    expect(await said({})).toEqual([503, expect.not.stringContaining('RabbitMQ')]);
    expect(await said(bearer(READ))).toEqual([503, expect.stringContaining('RabbitMQ')]);
  });

  it('is open on this machine, but not to what a proxy or a page of another site asks', async () => {
    const { statusOf } = await setUp();
    expect(await statusOf('get', '/endpoints')).toBe(200);
    for (const name of ['x-forwarded-for', 'forwarded', 'via']) {
      expect(await statusOf('get', '/endpoints', { [name]: '203.0.113.7' })).toBe(401);
    }
  });

  it('is told to nobody any more who tries many tokens, also with the right one', async () => {
    const { statusOf } = await setUp({ reading: 'token', readToken: READ });
    const tries = [];
    for (let guess = 0; guess < 11; guess++) tries.push(await statusOf('get', '/metrics', bearer(`guess ${guess}`)));
    expect(tries).toEqual([...Array<number>(10).fill(401), 429]);
    expect(await statusOf('post', '/endpoints/crm/run', bearer(ADMIN))).toBe(429);
  });

  it('is not kept from those whose token nobody can guess, however many wrong ones another program of their machine tries', async () => {
    const [readToken, adminToken] = ['R3ad-0nly-b7Yq2kX9wLmZ', 'adm1n-T0ken-q8Zs4vNp2LxW'];
    const { statusOf } = await setUp({ reading: 'token', readToken, adminToken });
    const guess = () => statusOf('get', '/metrics', bearer(`R3ad-0nly-guess-${Math.random()}-guess`));
    while ((await guess()) !== 429);
    for (let again = 0; again < 15; again++) expect(await statusOf('get', '/metrics', bearer(readToken))).toBe(200);
    expect(await statusOf('post', '/endpoints/crm/run', bearer(readToken))).toBe(401);
    expect(await statusOf('post', '/endpoints/crm/run', bearer(adminToken))).toBe(202);
    expect(await guess()).toBe(429);
  });

  it.each(['ADMIN_TOKEN', 'READ_TOKEN'])('is not told at all with a short %s: the producer does not start', (name) => {
    const servers = { AMQP_URL: 'amqp://127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1' };
    const make = () => producerProcess({ ...servers, LOG_LEVEL: 'silent', [name]: 'guess-it' });
    expect(make).toThrow(`${name}: a token has at least 12 characters`);
    expect(make).not.toThrow('guess-it');
  });

  it('is not told with the token of commands: the producer does not start with the same for both', () => {
    const servers = { AMQP_URL: 'amqp://127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1' };
    const token = 'one-token-for-both';
    const make = () => producerProcess({ ...servers, LOG_LEVEL: 'silent', ADMIN_TOKEN: token, READ_TOKEN: token });
    expect(make).toThrow('ADMIN_TOKEN and READ_TOKEN are the same');
    expect(make).not.toThrow(token);
  });
});
