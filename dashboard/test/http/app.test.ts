import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { parseString } from 'fast-csv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PAGES } from '../../public/pages/table.js';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { appendRows, collect, customerLines, partPath, sampleConfig, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const options = { port: 0, host: '127.0.0.1', instance: 'test', log };

/** Sends a path as it is; fetch and the like would tidy it first. */
async function rawStatus(url: string, path: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
  const answer = Buffer.concat(await collect<Buffer>(socket)).toString();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
}

describe('the dashboard over HTTP', () => {
  let directory: string;
  let dashboard: Dashboard;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'dashboard-'));
    dashboard = createDashboard({ ...options, config: sampleConfig(directory) });
    await dashboard.start();
  });
  afterEach(async () => {
    await dashboard.stop();
    await rm(directory, { recursive: true });
  });

  const fetchPath = (path: string, init?: RequestInit) => fetch(`${dashboard.url}${path}`, init);
  const json = async (path: string) => (await fetchPath(path)).json() as Promise<Record<string, never>>;
  const parseCsv = (text: string) =>
    collect(parseString(text, { headers: true }) as AsyncIterable<Record<string, string>>);

  it('lists the datasets with rows, keys, bytes and parts, and follows them as they grow', async () => {
    await writePart(directory, [
      { key: 'a', at: 1 },
      { key: 'a', at: 2 },
    ]);
    const { size } = await readFile(partPath(directory)).then((content) => ({ size: content.length }));
    expect(await json('/api/datasets')).toMatchObject({
      instance: 'test',
      datasets: [{ name: 'customers', entity: 'customer', key: 'id', rows: 2, keys: 1, bytes: size, parts: 1 }, {}, {}],
    });
    await appendRows(directory, [{ key: 'b', at: 3 }]);
    expect(await json('/api/datasets')).toMatchObject({ datasets: [{ rows: 3, keys: 2 }, {}, { entity: null }] });
  });

  it('describes a dataset with its columns, their types and its files', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    const described = await json('/api/datasets/customers');
    expect(described).toMatchObject({ name: 'customers', files: [{ name: 'part-one-1.csv', rows: 1 }] });
    expect(described.columns).toContainEqual({ name: 'spent', type: 'number', optional: true, system: false });
    expect(described.columns).toContainEqual({ name: '_written_at', type: 'datetime', optional: true, system: true });
  });

  it('serves a page of rows with the selection it answers', async () => {
    await writePart(directory, [
      { key: 'a', at: 1, values: { name: 'Ann' } },
      { key: 'a', at: 2, values: { name: 'Anne' } },
      { key: 'b', at: 3 },
    ]);
    const query = '?view=history&search=ann&offset=1&limit=1';
    const page = await json(`/api/datasets/customers/rows${query}`);
    expect(page).toMatchObject({ dataset: 'customers', view: 'history', search: 'ann', offset: 1, limit: 1, total: 2 });
    expect(page.rows).toHaveLength(1);
    expect(page.rows?.[0]).toContain('Ann');
    expect(await json('/api/datasets/customers/rows')).toMatchObject({
      view: 'latest',
      offset: 0,
      limit: 50,
      total: 2,
    });
  });

  it.each([
    ['view=newest', 'view is "newest": expected latest or history'],
    ['limit=501', 'limit is "501": expected a whole number, 1 to 500'],
    ['limit=0', 'limit is "0": expected a whole number, 1 to 500'],
    ['limit=ten', 'limit is "ten": expected a whole number, 1 to 500'],
    ['offset=-1', 'offset is "-1": expected a whole number, 0 or more'],
    ['offset=1e3', 'offset is "1e3": expected a whole number, 0 or more'],
    ['view=latest&view=history', 'view is given more than once'],
    [`search=${'x'.repeat(201)}`, 'search is longer than 200 characters'],
  ])('refuses ?%s in words', async (query, message) => {
    const response = await fetchPath(`/api/datasets/customers/rows?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: { code: 'bad_request', message } });
  });

  it('downloads the union of all parts as one CSV, cells as they are in the parts', async () => {
    const rows = [
      { key: 'a', at: 1, values: { name: 'comma, "quote"', note: '=cmd()|calc' } },
      { key: 'b', at: 2, values: { name: 'two\r\nlines', note: '🦊' } },
      { key: 'a', at: 3, deleted: true },
    ];
    await writePart(directory, rows.slice(0, 2), 'one');
    const two = await writePart(directory, rows.slice(2), 'two');
    await appendFile(two, 'torn,"line');
    const response = await fetchPath('/api/datasets/customers.csv?view=history');
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="customers-history.csv"');
    const header = (await readFile(two, 'utf8')).split('\r\n')[0];
    expect(text).toBe(`${header}\r\n${await customerLines(directory, rows)}`);
    expect(text).toContain("'=cmd()|calc");

    const latest = await fetchPath('/api/datasets/customers.csv');
    expect(latest.headers.get('content-disposition')).toBe('attachment; filename="customers.csv"');
    expect((await parseCsv(await latest.text())).map((row) => row._key)).toEqual(['b']);
  });

  it('gives the whole lines of a part as they are on disk, and no other file', async () => {
    const path = await writePart(directory, [{ key: 'a', at: 1, values: { note: '=1' } }]);
    const whole = await readFile(path, 'utf8');
    await appendFile(path, 'torn,"line');
    const response = await fetchPath('/api/datasets/customers/parts/part-one-1.csv');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="part-one-1.csv"');
    expect(await response.text()).toBe(whole);
    for (const name of ['part-two-1.csv', '..%2F..%2Fetc%2Fpasswd', '%2e%2e%2fx', 'part-one-1.csv%00']) {
      expect((await fetchPath(`/api/datasets/customers/parts/${name}`)).status).toBe(404);
    }
  });

  it('downloads rows as JSON, one object a line, with values of their types as they were sent', async () => {
    const values = { note: '=cmd()', spent: 2.5, active: false, lines: [{ sku: 'S', quantity: 1 }] };
    await writePart(directory, [{ key: 'a', at: 1, values }]);
    const response = await fetchPath('/api/datasets/customers.ndjson');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="customers.ndjson"');
    const lines = (await response.text()).trim().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ id: 'a', ...values, _key: 'a', _deleted: false });
    expect(lines).toHaveLength(1);
  });

  it('downloads only the rows found when there is a search, and a header alone when there is none', async () => {
    await writePart(directory, [
      { key: 'a', at: 1 },
      { key: 'b', at: 2 },
    ]);
    const found = await (await fetchPath('/api/datasets/customers.csv?search=customer%20b')).text();
    expect((await parseCsv(found)).map((row) => row._key)).toEqual(['b']);
    const none = await (await fetchPath('/api/datasets/items.csv')).text();
    expect(none).toBe('sku,price,_key,_hash,_version,_message_id,_deleted,_written_at\r\n');
  });

  it('downloads tens of thousands of rows, each once', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => ({ key: `k${index}`, at: index }));
    await writePart(directory, rows);
    const downloaded = await parseCsv(await (await fetchPath('/api/datasets/customers.csv')).text());
    expect(downloaded.map((row) => row._key)).toEqual(rows.map((row) => row.key));
  });

  it('answers a HEAD for a download with its headers alone', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    const response = await fetchPath('/api/datasets/customers.csv', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('says why a download cannot be made instead of sending an empty file', async () => {
    await writeFile(join(directory, 'customers'), 'not a folder');
    const response = await fetchPath('/api/datasets/customers.csv');
    expect(response.status).toBe(503);
    expect(response.headers.get('content-disposition')).toBeNull();
    expect(await response.json()).toMatchObject({ error: { code: 'unreadable' } });
  });

  it('shows the rows of the new file after a takeover has replaced a part', async () => {
    const path = await writePart(directory, [{ key: 'a', at: 1 }]);
    expect(await json('/api/datasets/customers/rows')).toMatchObject({ total: 1 });
    await writeFile(`${path}.new`, await readFile(path));
    await rename(`${path}.new`, path);
    await appendRows(directory, [{ key: 'b', at: 2 }]);
    expect(await json('/api/datasets/customers/rows')).toMatchObject({ total: 2 });
  });

  it("knows only the pipeline's datasets, also by paths that try to lead elsewhere", async () => {
    await writeFile(join(directory, 'secret.csv'), 'secret');
    for (const path of [
      '/api/datasets/nope',
      '/api/datasets/nope/rows',
      '/api/datasets/nope.csv',
      '/api/datasets/__proto__',
      '/api/datasets/..%2Fsecret.csv',
      '/api/datasets/..%2F..%2Fetc%2Fpasswd/rows',
      '/api/datasets/customers%2Fpart-one-1.csv',
      '/api/datasets/%2e%2e.csv',
      '/api/datasets/customers%00.csv',
      '/api/nothing',
      '/package.json',
      '/..%2fpackage.json',
      '/.%2e/src/app.ts',
    ]) {
      const response = await fetchPath(path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.json()).toMatchObject({ error: { code: 'not_found' } });
    }
    for (const path of [
      '/../package.json',
      '/../../../../etc/passwd',
      '/api/datasets/../../../secret.csv',
      '//etc/passwd',
    ]) {
      expect([path, await rawStatus(dashboard.url, path)]).toEqual([path, 404]);
    }
    expect(await rawStatus(dashboard.url, '/api/datasets/%E0%A4%A')).toBe(400);
  });

  it('is alive, is ready, and has metrics', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    await json('/api/datasets');
    expect(await json('/healthz')).toEqual({ status: 'ok' });
    expect(await json('/readyz')).toEqual({ ready: true, problems: [] });
    const metrics = async () => (await fetchPath('/metrics')).text();
    expect(await metrics()).toContain('tributary_dataset_rows{dataset="customers",service="dashboard"} 1');
    const timed = /^tributary_dashboard_request_seconds_count\{.*route="\/api\/datasets".*\} 1$/m;
    await expect.poll(metrics).toMatch(timed);
  });

  it('is not ready while it cannot read the parts, and says why', async () => {
    await writeFile(join(directory, 'customers'), 'not a folder');
    await json('/api/datasets');
    const response = await fetchPath('/readyz');
    expect(response.status).toBe(503);
    expect(JSON.stringify(await response.json())).toContain('the parts of customers cannot be read');
    await rm(join(directory, 'customers'));
    await json('/api/datasets');
    expect((await fetchPath('/readyz')).status).toBe(200);
  });

  it('sends every answer with a policy that lets the page run its own files only', async () => {
    for (const path of ['/', '/app.js', '/api/datasets', '/api/nope', '/healthz']) {
      const { headers } = await fetchPath(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it('serves every file that the page asks for', async () => {
    const html = await (await fetchPath('/?dataset=customers&view=history')).text();
    const asked = [...html.matchAll(/(?:src|href)="(\/[^"?]+)"/g)].map((match) => match[1] ?? '');
    expect(asked).toContain('/app.js');
    for (const path of asked.filter((one) => !one.startsWith('/api'))) {
      expect([path, (await fetchPath(path)).status]).toEqual([path, 200]);
    }
    const entries = await readdir(new URL('../../public', import.meta.url), { recursive: true });
    const files = entries.filter((entry) => /\.(html|js|css|svg)$/.test(entry));
    for (const file of files) expect([file, (await fetchPath(`/${file}`)).status]).toEqual([file, 200]);
    const linked = files.filter((file) => /^(ui|pages)\//.test(file)).map((file) => `/${file}`);
    // The modules of a view are asked for by its own addresses.
    for (const { path } of PAGES) {
      const own = await (await fetchPath(path.replaceAll(/:\w+/g, 'x'))).text();
      asked.push(...[...own.matchAll(/href="(\/[^"?]+)"/g)].map((match) => match[1] ?? ''));
    }
    expect(asked).toEqual(expect.arrayContaining(linked));
    for (const path of ['/ui', '/pages/', '/pages/table.d.ts', '/ui/..%2fapp.js']) {
      expect([path, (await fetchPath(path)).status]).toEqual([path, 404]);
    }
    expect(await rawStatus(dashboard.url, '/ui/../../package.json')).toBe(404);
  });

  it('answers a person at an unknown address with the page, which says so, and a program with JSON', async () => {
    for (const path of ['/nowhere', '/data/customers/more/than/that', '/SQL', '/index']) {
      const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
      const page = await fetch(dashboard.url + path, { headers: { accept } });
      expect([path, page.status, page.headers.get('content-type')]).toEqual([path, 404, 'text/html; charset=utf-8']);
      expect(await page.text()).toContain('<title>');
      const program = await fetch(dashboard.url + path);
      expect(await program.json()).toMatchObject({ error: { code: 'not_found' } });
    }
    const other = await fetch(`${dashboard.url}/api/nowhere`, { headers: { accept: 'text/html' } });
    expect([other.status, await other.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
  });
});

describe('the dashboard as a service', () => {
  it('may be started and stopped more than once, and stopped before it was started', async () => {
    const dashboard = createDashboard({ ...options, config: sampleConfig('nowhere') });
    await dashboard.stop();
    expect(dashboard.url).toBe('');
    await Promise.all([dashboard.start(), dashboard.start()]);
    expect((await fetch(`${dashboard.url}/healthz`)).status).toBe(200);
    await dashboard.stop();
    await dashboard.stop();
    await expect(fetch(`${dashboard.url}/healthz`)).rejects.toThrow();
  });

  it('names the port when another process has it', async () => {
    const first = createDashboard({ ...options, config: sampleConfig('nowhere') });
    await first.start();
    const port = Number(new URL(first.url).port);
    const second = createDashboard({ ...options, port, config: sampleConfig('nowhere') });
    await expect(second.start()).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    await second.stop();
    await first.stop();
  });

  it('says which setting is missing when the sink is Postgres and has no URL', async () => {
    const dashboard = createDashboard({ ...options, config: sampleConfig('nowhere', 'postgres') });
    await dashboard.start();
    for (const path of ['/api/datasets', '/api/datasets/customers/rows', '/api/datasets/customers.csv']) {
      const response = await fetch(`${dashboard.url}${path}`);
      expect(response.status).toBe(501);
      expect(await response.json()).toMatchObject({
        error: {
          code: 'sink_not_supported',
          message: expect.stringContaining('set POSTGRES_URL'),
        },
      });
    }
    expect((await fetch(`${dashboard.url}/`)).status).toBe(200);
    expect((await fetch(`${dashboard.url}/readyz`)).status).toBe(503);
    await dashboard.stop();
  });
});
