import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../src/http/operations.js';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TOKENS = { viewer: 'viewer-secret', operator: 'operator-secret', admin: 'admin-secret-1' };

const table = OPERATIONS.map((operation) => ({ ...operation, name: `${operation.method} ${operation.path}` }));

describe('every operation of the API', () => {
  let folder: string;
  let dashboard: Dashboard;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'operations-'));
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      tokens: TOKENS,
      auditLog: join(folder, 'audit.jsonl'),
    });
    await dashboard.start();
  });
  afterAll(async () => {
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  /** Asks for an operation, and hangs up once the status is known: some answers do not end. */
  const statusOf = (
    { method, path }: { method: string; path: string },
    headers: Record<string, string>,
    body = Buffer.alloc(0),
  ): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const url = `${dashboard.url}/api${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const asked = request(url, { method, headers: { 'content-type': 'application/json', ...headers } }, (answer) => {
        resolve(answer.statusCode);
        answer.destroy();
      });
      asked.on('error', reject).end(body);
    });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it.each(table)('$name has a name of its own', ({ name }) => {
    expect(table.filter((one) => one.name === name)).toHaveLength(1);
  });

  it.each(table.filter(({ role }) => role !== 'open'))('$name is refused without a token', async (operation) => {
    expect(await statusOf(operation, {})).toBe(401);
  });

  it.each(table.filter(({ role }) => role === 'operator'))('$name is refused to a viewer', async (operation) => {
    expect(await statusOf(operation, bearer(TOKENS.viewer))).toBe(403);
  });

  it.each(table.filter(({ role }) => role === 'admin'))('$name is refused to an operator', async (operation) => {
    expect(await statusOf(operation, bearer(TOKENS.operator))).toBe(403);
  });

  it.each(table.filter(({ method }) => method !== 'get'))('$name is refused to other sites', async (operation) => {
    const headers = { ...bearer(TOKENS.admin), origin: 'https://attacker.example' };
    expect(await statusOf(operation, headers)).toBe(403);
  });

  it.each(table.filter(({ body }) => body !== undefined))(
    '$name refuses a body beyond its limit',
    async (operation) => {
      const tooLarge = Buffer.alloc((operation.body?.limit ?? 0) + 1, ' ');
      expect(await statusOf(operation, bearer(TOKENS.admin), tooLarge)).toBe(413);
    },
  );

  it('that a viewer may not ask for has a limit of how often one address may', () => {
    const acting = table.filter(({ role }) => role === 'operator' || role === 'admin');
    expect(acting.filter(({ rate }) => rate === undefined).map(({ name }) => name)).toEqual([]);
  });

  it('that only reads is a GET, but for those that check or sign out', () => {
    const others = table.filter(({ method, role }) => method !== 'get' && (role === 'open' || role === 'viewer'));
    expect(others.map(({ name }) => name).sort()).toEqual([
      'delete /session',
      'post /dead-letters/validate',
      'post /session',
    ]);
  });

  it('is the only thing under /api: any other path is refused without a token, and not found with one', async () => {
    const other = { method: 'get', path: '/nothing' };
    expect(await statusOf(other, {})).toBe(401);
    expect(await statusOf(other, bearer(TOKENS.viewer))).toBe(404);
  });
});
