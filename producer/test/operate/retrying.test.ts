import { describe, expect, it, vi } from 'vitest';
import { runEndpointCommand } from '../../src/operate/commands.js';
import type { EndpointReport } from '../../src/operate/control.js';
import { json, startApi } from '../support/api.js';
import { setUpProducer } from '../support/producer.js';

type Answer = Parameters<Parameters<typeof startApi>[0]>[1];

const customers = [{ id: 'a', updatedAt: '2026-03-01T11:00:00Z' }];

/** Ways in which an API gives no answer, and how that is told. */
const OUTAGES: readonly [string, (response: Answer) => void, RegExp][] = [
  ['http_503', (response) => response.writeHead(503).end(), /crm: page 1, GET http:\S+: .*503/],
  ['network', (response) => response.destroy(), /crm: page 1, GET http:\S+: /],
  ['http_429', (response) => response.writeHead(429, { 'Retry-After': '1' }).end(), /crm: page 1, GET http:\S+: .*429/],
];

/** A producer whose polls try again for as long as the API is away. */
async function setUp(child?: object, retries = 10) {
  const api = { outage: undefined as ((response: Answer) => void) | undefined, path: '/c' };
  const { url } = await startApi((request, response) => {
    if (api.outage !== undefined && request.url.pathname === api.path) api.outage(response);
    else json(response, customers);
  });
  const crm = { url: `${url}/c`, schedule: { every: '1h' }, retries, retryDelay: '300ms' };
  const items = { url: `${url}/items/{{parent.id}}`, entity: 'inventory', parent: { endpoint: 'crm' }, ...child };
  const rig = await setUpProducer(
    { crm, ...(child && { items }) },
    { schedule: true, adminToken: 'a-long-admin-token' },
  );
  await rig.producer.start();
  const read = async <T>(path: string) => JSON.parse((await rig.get(path)).text) as T;
  const report = () => read<EndpointReport>('/endpoints/crm/status');
  const attempts = async (endpoint = 'crm') => {
    const line = new RegExp(`^tributary_poll_retrying_attempts\\{.*endpoint="${endpoint}".*\\} (\\d+)$`, 'm');
    return Number(line.exec((await rig.get('/metrics')).text)?.[1] ?? 0);
  };
  const until = (check: () => Promise<void>) => vi.waitFor(check, { interval: 20 });
  return { ...rig, url, api, read, report, attempts, until };
}

describe('an API that gives no answer while a poll goes on', () => {
  it.each(OUTAGES)('is told while it lasts, and no longer: %s', async (code, outage, reason) => {
    const { api, producer, read, report, attempts, until, get } = await setUp();
    await until(async () => expect((await report()).lastRun).not.toBeNull());
    expect(await report()).not.toHaveProperty('retrying');
    expect(await attempts()).toBe(0);

    api.outage = outage;
    const headers = { authorization: 'Bearer a-long-admin-token' };
    await fetch(`${producer.url}/endpoints/crm/run`, { method: 'POST', headers });
    await until(async () => expect((await report()).retrying?.attempts).toBeGreaterThan(1));
    const { state, retrying } = await report();
    expect(state).toBe('polling');
    expect(retrying).toMatchObject({ endpoint: 'crm', code, reason: expect.stringMatching(reason) });
    expect(Date.parse(retrying?.nextAttempt ?? '')).toBeGreaterThanOrEqual(Date.parse(retrying?.since ?? ''));
    expect(await attempts()).toBeGreaterThan(1);
    const status = await read<{ retrying: { endpoint: string }[] }>('/status');
    expect(status.retrying).toMatchObject([{ endpoint: 'crm', code }]);
    expect((await get('/readyz')).status).toBe(200);
    let written = '';
    const write = (text: string) => {
      written += text;
    };
    await runEndpointCommand({ command: 'list', producerUrl: producer.url, adminToken: '', write });
    expect(written).toMatch(/trying again, \d+ attempts? failed: crm: page 1/);

    api.outage = undefined;
    await until(async () => expect(await report()).not.toHaveProperty('retrying'));
    expect(await attempts()).toBe(0);
    expect((await read<{ retrying: unknown[] }>('/status')).retrying).toEqual([]);
  });

  it('is told of an endpoint that is polled for the records of another one, under its own name', async () => {
    const { api, producer, report, attempts, until } = await setUp({ retries: 10, retryDelay: '300ms' });
    await until(async () => expect((await report()).lastRun).not.toBeNull());
    api.path = '/items/a';
    api.outage = (response) => response.writeHead(500).end();
    const headers = { authorization: 'Bearer a-long-admin-token' };
    await fetch(`${producer.url}/endpoints/crm/run`, { method: 'POST', headers });
    await until(async () => expect(await attempts('items')).toBeGreaterThan(1));
    expect((await report()).retrying).toMatchObject({ endpoint: 'items', code: 'http_500' });
    expect(await attempts('crm')).toBe(0);
    api.outage = undefined;
    await until(async () => expect(await attempts('items')).toBe(0));
    expect(await report()).not.toHaveProperty('retrying');
  });

  it('is told no longer when the poll has failed: then its error is', async () => {
    const { api, producer, report, attempts, until } = await setUp(undefined, 1);
    await until(async () => expect((await report()).lastRun).not.toBeNull());
    api.outage = (response) => response.writeHead(503).end();
    const headers = { authorization: 'Bearer a-long-admin-token' };
    await fetch(`${producer.url}/endpoints/crm/run`, { method: 'POST', headers });
    await until(async () => expect((await report()).lastRun?.error).toContain('answered 503'));
    expect(await report()).not.toHaveProperty('retrying');
    expect(await attempts()).toBe(0);
  });
});
