import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tokens } from '../../src/access/roles.js';
import { createDashboard, type Dashboard, type DashboardOptions, readDashboardSettings } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const VIEWER = 'viewer-secret';
const OPERATOR = 'operator-secret';

describe('who may do what', () => {
  let folder: string;
  let dashboard: Dashboard;
  const start = async (options: Partial<DashboardOptions>) => {
    await dashboard?.stop();
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      auditLog: join(folder, 'audit.jsonl'),
      ...options,
    });
    await dashboard.start();
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'access-'));
  });
  afterEach(async () => {
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  const call = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(`${dashboard.url}/api${path}`, { ...init, headers });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, { 'content-type': 'application/json', ...headers }, { method: 'POST', body: JSON.stringify(body) });

  /** fetch does not let a program choose the Host header. */
  const statusFor = (host: string, path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(dashboard.url);
      const asked = request({ host: '127.0.0.1', port, path, headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });

  it('does not believe the Host header where the port of its container is published beyond this machine', async () => {
    await start(readDashboardSettings({ PUBLISHED_ON: '0.0.0.0', AUDIT_LOG: join(folder, 'audit.jsonl') }));
    expect(await statusFor('localhost', '/api/datasets')).toBe(403);
    const AUDIT_LOG = join(folder, 'audit.jsonl');
    await start(readDashboardSettings({ PUBLISHED_ON: '0.0.0.0', DASHBOARD_VIEWER_TOKEN: VIEWER, AUDIT_LOG }));
    expect(await statusFor('localhost', '/api/datasets')).toBe(401);
    expect((await call('/datasets', { authorization: `Bearer ${VIEWER}` })).status).toBe(200);
    expect((await call('/session')).status).toBe(200);
  });

  it('does not believe the Host header where it listens beyond this machine itself', async () => {
    const AUDIT_LOG = join(folder, 'audit.jsonl');
    await start({ ...readDashboardSettings({ HOST: '0.0.0.0', DASHBOARD_READ: 'local', AUDIT_LOG }), host: '0.0.0.0' });
    expect(await statusFor('localhost', '/api/datasets')).toBe(403);
  });

  it('lets this machine read, and no one act, where no token is set', async () => {
    await start({});
    expect((await call('/datasets')).status).toBe(200);
    const refused = await post('/dead-letters/replay', { match: {} });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: { code: 'no_token_set', message: expect.stringContaining('set DASHBOARD_OPERATOR_TOKEN') },
    });
  });

  it('does not take a name that only points at this machine for this machine', async () => {
    await start({});
    expect(await statusFor('localhost:1', '/api/datasets')).toBe(200);
    expect(await statusFor('attacker.example', '/api/datasets')).toBe(403);
    expect(await statusFor('127.0.0.1.attacker.example', '/api/datasets')).toBe(403);
    expect(await statusFor('attacker.example', '/healthz')).toBe(200);
  });

  it('asks for a token for reading where one is set, or where other machines can reach it', async () => {
    await start({ tokens: { viewer: VIEWER } });
    expect((await call('/datasets')).status).toBe(401);
    expect((await call('/datasets', { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await call('/datasets', { authorization: `Bearer ${VIEWER}` })).status).toBe(200);
    await start({ host: '0.0.0.0' });
    expect((await call('/datasets')).status).toBe(403);
    await start({ host: '0.0.0.0', reading: 'open' });
    expect((await call('/datasets')).status).toBe(200);
  });

  it('lets a viewer look and not act', async () => {
    await start({ tokens: { viewer: `vera=${VIEWER}`, operator: OPERATOR } });
    const refused = await post('/dead-letters/replay', { match: {} }, { authorization: `Bearer ${VIEWER}` });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: { message: 'this needs the role operator, and vera is a viewer' },
    });
  });

  it('signs in with a token for a cookie that no script and no other site can use, and out again', async () => {
    await start({ tokens: { operator: `anna=${OPERATOR}` } });
    expect((await post('/session', { token: 'no such token' })).status).toBe(401);
    const signedIn = await post('/session', { token: OPERATOR });
    expect(await signedIn.json()).toMatchObject({ name: 'anna', role: 'operator' });
    const [cookie = ''] = signedIn.headers.getSetCookie();
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(OPERATOR);
    const own = { cookie: cookie.split(';')[0] ?? '' };
    expect(await (await call('/session', own)).json()).toMatchObject({ name: 'anna', signedIn: true });
    // Allowed to ask; there is no RabbitMQ here.
    expect((await post('/dead-letters/replay', { match: {} }, own)).status).toBe(503);
    await call('/session', own, { method: 'DELETE' });
    expect((await post('/dead-letters/replay', { match: {} }, own)).status).toBe(401);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a neighbour on the same site', { 'sec-fetch-site': 'same-site' }, 403],
    ['another origin', { origin: 'https://attacker.example' }, 403],
    ['a form', { 'content-type': 'text/plain' }, 415],
  ])('refuses what %s makes a browser ask for', async (_who, headers, status) => {
    await start({ tokens: { operator: OPERATOR } });
    const asked = await post(
      '/dead-letters/replay',
      { match: {} },
      { authorization: `Bearer ${OPERATOR}`, ...headers },
    );
    expect(asked.status).toBe(status);
  });

  it('stops a client that tries many tokens, and says when it may try again', async () => {
    await start({ tokens: { operator: OPERATOR } });
    const tries = await Promise.all(
      Array.from({ length: 15 }, (_, index) => post('/session', { token: `guess ${index}` })),
    );
    const statuses = tries.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    const stopped = tries.find(({ status }) => status === 429);
    expect(Number(stopped?.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('refuses a token that can be guessed, without showing it', () => {
    expect(() => new Tokens({ admin: 'short' })).toThrow('DASHBOARD_ADMIN_TOKEN: a token has at least 12 characters');
    expect(() => new Tokens({ admin: 'anna=tiny' })).not.toThrow('tiny');
  });

  it('names people by their tokens, several for one role', () => {
    const tokens = new Tokens({ operator: 'anna=aaaaaaaaaaaa,ben=bbbbbbbbbbbb=', admin: 'cccccccccccc' });
    expect(tokens.personOf('aaaaaaaaaaaa')).toEqual({ name: 'anna', role: 'operator' });
    expect(tokens.personOf('bbbbbbbbbbbb=')).toEqual({ name: 'ben', role: 'operator' });
    expect(tokens.personOf('cccccccccccc')).toEqual({ name: 'admin', role: 'admin' });
    expect(tokens.personOf('anna=aaaaaaaaaaaa')).toBeUndefined();
    expect([tokens.someoneMay('viewer'), tokens.someoneMay('admin')]).toEqual([true, true]);
  });
});
