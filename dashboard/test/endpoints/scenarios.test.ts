import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDashboard, type Dashboard, type DashboardOptions } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const ADMIN = 'admin-secret-1';

describe("the mock CRM's scenarios", () => {
  let folder: string;
  let crm: Server;
  let dashboard: Dashboard;
  /** What the mock CRM was told to do. */
  let started: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'scenarios-'));
    started = [];
    crm = createServer((request, response) => {
      const isList = request.method === 'GET' && request.url === '/admin/scenarios';
      if (!isList) started.push(`${request.method} ${request.url}`);
      const list = [{ name: 'burst', title: 'Much at once', description: 'count: how much' }];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(isList ? list : { changed: 3 }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => crm.once('listening', resolve));
  });
  afterEach(async () => {
    await dashboard.stop();
    crm.close();
    await rm(folder, { recursive: true });
  });

  const start = async (mockApi: DashboardOptions['mockApi']) => {
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      tokens: { admin: ADMIN },
      auditLog: join(folder, 'audit.jsonl'),
      mockApi,
    });
    await dashboard.start();
  };
  const url = () => `http://127.0.0.1:${(crm.address() as AddressInfo).port}`;
  const list = () => fetch(`${dashboard.url}/api/scenarios`);
  const play = (name: string) =>
    fetch(`${dashboard.url}/api/scenarios/${name}`, { method: 'POST', headers: { authorization: `Bearer ${ADMIN}` } });

  it('are those that the mock CRM lists, and are started there by their name', async () => {
    await start(url);
    expect(await (await list()).json()).toEqual({ scenarios: [{ name: 'burst', words: 'Much at once' }] });
    const answer = await play('burst');
    expect(await answer.json()).toEqual({ scenario: 'burst', outcome: { changed: 3 } });
    expect(started).toEqual(['POST /admin/scenarios/burst']);
    const audit = await readFile(join(folder, 'audit.jsonl'), 'utf8');
    expect(audit.match(/"step":"(begun|done)"/g)).toHaveLength(2);
  });

  it('are not started if the mock CRM does not list them', async () => {
    await start(url);
    for (const name of ['flood', '..%2Ffaults']) expect((await play(name)).status).toBe(404);
    expect(started).toEqual([]);
  });

  it('are none where there is no mock CRM', async () => {
    await start(undefined);
    expect(await (await list()).json()).toEqual({ scenarios: [] });
    expect((await play('burst')).status).toBe(404);
  });

  it('are not known while the mock CRM does not answer, which the answer says', async () => {
    await start(() => 'http://127.0.0.1:1');
    const answer = await list();
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { message: expect.stringContaining('127.0.0.1:1 does not') } });
  });
});
