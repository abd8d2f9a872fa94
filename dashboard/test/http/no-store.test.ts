import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { OPERATIONS } from '../../src/http/operations.js';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { partPath, sampleConfig, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TIME = 60_000;

/** Every operation that answers with a file, wherever it stands in the table. */
const files = OPERATIONS.filter(({ answer }) => typeof answer === 'string' && answer !== 'none').filter(
  ({ answer }) => answer !== 'text/event-stream',
);

describe('files that the dashboard sends', { timeout: TIME }, () => {
  let folder: string;
  let dashboard: Dashboard;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'no-store-'));
    await writePart(folder, [{ key: 'a', at: 1, values: { name: 'Anna' } }]);
    const auditLog = join(folder, 'audit.jsonl');
    const options = { port: 0, host: '127.0.0.1', instance: 'test', log, auditLog };
    dashboard = createDashboard({ ...options, config: sampleConfig(folder), reading: 'open' });
    await dashboard.start();
    const rows = async () => (await fetch(`${dashboard.url}/api/datasets/customers/rows`)).json();
    await vi.waitFor(async () => expect(await rows()).toMatchObject({ total: 1 }), { timeout: TIME, interval: 100 });
  }, TIME);
  afterAll(async () => {
    await dashboard.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('are those that are known here', () => {
    expect(files.map(({ path }) => path).sort()).toEqual([
      '/audit.csv',
      '/audit.ndjson',
      '/datasets/{name}.csv',
      '/datasets/{name}.ndjson',
      '/datasets/{name}/parts/{part}',
      '/sql.csv',
      '/sql.json',
      '/sql.ndjson',
      '/sql.parquet',
    ]);
  });

  it.each(files)('stay on no disk on the way: $path', async ({ path }) => {
    const part = partPath(folder).split('/').at(-1) ?? '';
    const query = path.startsWith('/sql') ? '?query=SELECT+1' : '';
    const url = `${dashboard.url}/api${path.replace('{name}', 'customers').replace('{part}', part)}${query}`;
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(url, { method });
      await answer.arrayBuffer();
      const [cache, shown] = ['cache-control', 'content-disposition'].map((name) => answer.headers.get(name));
      expect([method, answer.status, cache]).toEqual([method, 200, 'no-store']);
      expect(shown).toMatch(/^attachment; filename="[\w.-]+"$/);
    }
  });
});
