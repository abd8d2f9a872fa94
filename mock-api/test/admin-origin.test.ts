import { expect, test } from 'vitest';
import { startMock } from './setup.js';

const PAGES = [
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'http://127.0.0.1:8000', 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site' },
  // A name of another site that points at this machine.
  { 'sec-fetch-site': 'same-origin', host: 'rebound.example' },
] satisfies Record<string, string>[];

const REQUESTS = [
  ['POST', '/admin/changes?count=5', undefined],
  ['POST', '/admin/faults', '{"status":{"500":1}}'],
  ['POST', '/admin/scenarios/crm-outage', ''],
  ['POST', '/admin/rates', '{"price":100}'],
  ['POST', '/admin/pause', undefined],
  ['PUT', '/admin/customers/C-000001', '{}'],
  ['DELETE', '/admin/customers/C-000001', undefined],
  ['GET', '/admin/truth', undefined],
] as const;

test.for(PAGES)('no page makes a browser administer the CRM: %j', async (headers) => {
  const mock = await startMock();
  const before = await (await fetch(`${mock.url}/admin/faults`)).text();
  for (const [method, path, body = null] of REQUESTS) {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const sent = method === 'GET' ? headers : { ...headers, 'content-type': type };
      const response = await fetch(`${mock.url}${path}`, { method, headers: sent, body });
      expect(response.status, `${method} ${path}`).toBe(403);
      expect(await response.json()).toMatchObject({ error: { code: 'other_origin' } });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  }
  expect(await (await fetch(`${mock.url}/admin/faults`)).text()).toBe(before);
  expect((await fetch(`${mock.url}/customers`)).status).toBe(200);
});

test('a browser asks for no permission and is given none', async () => {
  const mock = await startMock();
  const asked = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
  const response = await fetch(`${mock.url}/admin/customers/C-000001`, { method: 'OPTIONS', headers: asked });
  expect(response.headers.get('access-control-allow-origin')).toBeNull();
  expect(response.headers.get('access-control-allow-methods')).toBeNull();
});

test('programs administer it, and a person may read in the address bar', async () => {
  const mock = await startMock();
  expect((await fetch(`${mock.url}/admin/changes?count=1`, { method: 'POST' })).status).toBe(200);
  expect((await fetch(`${mock.url}/admin/truth`, { headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
});
