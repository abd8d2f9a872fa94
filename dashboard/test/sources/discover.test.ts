import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, FatalError } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDashboard, type Dashboard, type DashboardOptions } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const ADMIN = 'admin-secret-1';
const OPERATOR = 'operator-secret-1';
const KEY = 'sk_live_0123456789abcdef';
const LINE = `curl -u user:${KEY} "https://api.example.org/v1/orders?key=${KEY}"`;
const FOUND = {
  text: 'entities: {}\n',
  endpoints: [
    { id: 'orders', columns: [{ name: 'id', type: 'string', full: '100 %' }], rows: [['1']], bad: 0, reason: null },
  ],
  notes: ['a note'],
  secrets: ['EXAMPLE_KEY'],
  requests: [{ asked: 'GET https://api.example.org/v1/orders', answered: '200', milliseconds: 3 }],
};

describe('looking at an API', () => {
  let folder: string;
  let dashboard: Dashboard;
  let logged: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'looking-'));
    logged = [];
  });
  afterEach(async () => {
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  const start = async (discover: DashboardOptions['discover']) => {
    const output = { write: (line: string) => void logged.push(line) };
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log: createLogger({ service: 'dashboard', instance: 'test', level: 'trace' }, output),
      tokens: { admin: ADMIN, operator: OPERATOR },
      auditLog: join(folder, 'audit.jsonl'),
      discover,
    });
    await dashboard.start();
  };
  const look = (input: unknown, token = ADMIN) =>
    fetch(`${dashboard.url}/api/discover`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ input }),
    });
  const audit = () => readFile(join(folder, 'audit.jsonl'), 'utf8');

  it('gives what was found, and writes down who looked at which server, and nothing of what was pasted', async () => {
    const asked: string[] = [];
    await start(async (input) => {
      asked.push(input);
      return FOUND;
    });
    const answer = await look(` ${LINE}\n`);
    expect([answer.status, await answer.json()]).toEqual([200, FOUND]);
    expect(asked).toEqual([LINE]);
    const lines = (await audit())
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toMatchObject([
      { action: 'discover', step: 'begun', endpoint: 'api.example.org' },
      { action: 'discover', step: 'done', endpoint: 'api.example.org' },
    ]);
    expect((await audit()) + logged.join('')).not.toContain(KEY);
  });

  it.each([
    ['curl -u me:hunter2.secret https://api.example.org/x', 'api.example.org'],
    ['curl -H "X-Api-Key: live.secret" --url="https://api.example.org/x"', 'api.example.org'],
    ['curl -H "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.secret.sig" https://api.example.org', 'api.example.org'],
    ['https://me:live.secret@api.example.org/x', 'api.example.org'],
    ['me:live.secret@api.example.org/x', 'api.example.org'],
    ['$ curl "api.example.org/x" -u me:live.secret', 'api.example.org'],
    ['curl -u me:live.secret api.example.org/x', ''],
    [`curl ${'a.'.repeat(7_000)}b -u me:live.secret`, 'a.'.repeat(50)],
  ])('writes down no part of a password as the server: %s', async (line, host) => {
    await start(async () => FOUND);
    expect((await look(line)).status).toBe(200);
    expect((JSON.parse((await audit()).split('\n')[0] ?? '') as { endpoint?: string }).endpoint).toBe(host);
    expect(await audit()).not.toContain('secret');
  });

  it('says in words why nothing was found, and logs none of them', async () => {
    await start(async () => {
      throw new FatalError('body_html', `the answer is a web page about ${KEY}`);
    });
    const answer = await look(LINE);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toEqual({
      error: { code: 'body_html', message: `the answer is a web page about ${KEY}` },
    });
    expect(await audit()).toContain('"why":"body_html"');
    expect((await audit()) + logged.join('')).not.toContain(KEY);
  });

  it('is for admins, and refuses what is no text or too long, before anything is asked', async () => {
    let asked = 0;
    await start(async () => {
      asked += 1;
      return FOUND;
    });
    expect((await look(LINE, OPERATOR)).status).toBe(403);
    for (const input of ['', 7, 'x'.repeat(16_001)]) expect((await look(input)).status).toBe(400);
    expect(asked).toBe(0);
  });

  it('says who can, where the dashboard was not started by the command line', async () => {
    await start(undefined);
    const answer = await look(LINE);
    expect(answer.status).toBe(501);
    expect(await answer.text()).toContain('npx tributary dashboard');
  });
});
