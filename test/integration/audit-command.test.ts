import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createMockApi, type MockApi } from '@tributary/mock-api';
import { createLogger } from '@tributary/shared';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Node runs no TypeScript: a process outside vitest takes what `tsc -b` built. */
const program = fileURLToPath(new URL('../dist/src/audit/main.js', import.meta.url));

const ENTITIES = `
entities:
  customer:
    { dataset: customers, queue: c, key: id, version: updatedAt, fields: { id: string, updatedAt: datetime } }
  item:
    { dataset: items, queue: i, key: sku, version: updatedAt, fields: { sku: string, updatedAt: datetime } }
endpoints:
  customers: { url: "http://127.0.0.1:1/customers", entity: customer }
  products: { url: "http://127.0.0.1:1/products", entity: item }
`;

let api: MockApi;
let directory: string;
beforeAll(async () => {
  const log = createLogger({ service: 'mock-api', instance: 'test', level: 'silent' });
  api = createMockApi({ log, port: 0, customers: 5, items: 3, changesPerSecond: 0 });
  await api.start();
  directory = mkdtempSync(join(tmpdir(), 'tributary-audit-'));
  writeFileSync(join(directory, 'pipeline.yaml'), ENTITIES);
});
afterAll(async () => {
  await api.stop();
  rmSync(directory, { recursive: true });
});

async function run(...args: string[]) {
  const config = ['--config', join(directory, 'pipeline.yaml'), '--output', join(directory, 'output')];
  const all = [program, ...config, '--api', api.url, ...args];
  return promisify(execFile)(process.execPath, all).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

const CLEAN = { missing: 0, duplicated: 0, torn: 0, stale: 0, wrongHash: 0, wrongMerge: 0 };

test('npm run audit exits 0 as long as the API has served nothing and nothing landed, 1 when something is missing', async () => {
  const before = await run('--json');
  expect(JSON.parse(before.stdout)).toEqual({
    audit: { customers: { expected: 0, found: 0, ...CLEAN }, items: { expected: 0, found: 0, ...CLEAN } },
    ok: true,
  });
  expect(before.code).toBe(0);

  await fetch(`${api.url}/customers?limit=4`);
  await fetch(`${api.url}/products`);
  const after = await run('--json');
  expect(JSON.parse(after.stdout)).toEqual({
    audit: {
      customers: { expected: 4, found: 0, ...CLEAN, missing: 4 },
      items: { expected: 3, found: 0, ...CLEAN, missing: 3 },
    },
    ok: false,
  });
  expect(after.code).toBe(1);
  expect(after.stderr).toContain(`there is no folder ${join(directory, 'output')}`);
  expect(after.stderr).toContain('customers: missing: C-000001 has no row');
});

test('npm run audit prints a table for people', async () => {
  await fetch(`${api.url}/products`);
  const { stdout } = await run();
  expect(stdout).toMatch(/^dataset +expected +found +missing +duplicated +torn +stale +wrong hash +wrong merge\n/);
  expect(stdout).toMatch(/^items +3 +0 +3 +0 +0 +0 +0 +0$/m);
});

test('npm run audit says what is wrong with how it was called', async () => {
  expect(await run('--sink', 'excel')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: '--sink: expected csv, postgres or program, found "excel"\n',
  });
  expect(await run('--api', api.url, '--collection', 'customer')).toMatchObject({
    code: 1,
    stderr: '--collection: expected an entity and a path, such as customer=/customers, found "customer"\n',
  });
  const { code, stderr } = await run('--api', 'http://127.0.0.1:1');
  expect(code).toBe(1);
  expect(stderr).toMatch(/the API's truth cannot be read at http:\/\/127\.0\.0\.1:1\/.*is the API up\?/);
});

test('an API that answers anything to everything is not taken for one that tells its truth', async () => {
  const server = createServer((_request, response) => response.end('{"data":[]}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { code, stderr } = await run('--api', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.close();
  expect(code).toBe(1);
  expect(stderr).toMatch(/what http:\/\/\S+ answers is no truth: only an API that tells its truth can be audited/);
});
