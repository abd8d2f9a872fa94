import { describe, expect, it } from 'vitest';
import { createMockApi } from '../src/index.js';
import { getJson, getProblem, post, restart, silent, startMock, walk } from './setup.js';

describe('the mock CRM', () => {
  it('may be stopped before it is started, started twice, and stopped twice', async () => {
    const mock = createMockApi({ port: 0, log: silent });
    await mock.stop();
    expect(() => mock.url).toThrow('before it is started');
    await Promise.all([mock.start(), mock.start()]);
    const { url } = mock;
    await mock.start();
    expect(mock.url).toBe(url);
    expect(await getJson(mock, '/healthz')).toEqual({ status: 'ok' });
    await Promise.all([mock.stop(), mock.start(), mock.stop(), mock.stop()]);
    await mock.stop();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('comes back after a stop at the same address and with its changes', async () => {
    const mock = await startMock();
    const { url } = mock;
    await post(mock, '/admin/changes?count=20');
    const before = await walk(mock, '/customers');
    await restart(mock);
    expect(mock.url).toBe(url);
    expect(await walk(mock, '/customers')).toEqual(before);
  });

  it('says which port is taken, and can start once it is free', async () => {
    const first = await startMock();
    const { port, hostname } = new URL(first.url);
    const second = createMockApi({ port: Number(port), host: hostname, log: silent });
    await expect(second.start()).rejects.toThrow(`${hostname}:${port}`);
    await first.stop();
    await second.start();
    expect(second.url).toBe(first.url);
    await second.stop();
  });

  it('has 200 customers and 50 items unless told otherwise', async () => {
    const mock = createMockApi({ port: 0, changesPerSecond: 0, log: silent });
    await mock.start();
    expect(await walk(mock, '/customers')).toHaveLength(200);
    expect(await walk(mock, '/products')).toHaveLength(50);
    await mock.stop();
  });

  it('is alive, ready, and counts what it does', async () => {
    const mock = await startMock();
    expect(await getJson(mock, '/readyz')).toEqual({ ready: true, problems: [] });
    await walk(mock, '/customers?limit=10');
    await fetch(`${mock.url}/customers?limit=0`);
    const metrics = await (await fetch(`${mock.url}/metrics`)).text();
    expect(metrics).toMatch(/tributary_mock_records_served_total\{collection="customers",.*\} 25/);
    expect(metrics).toMatch(/tributary_mock_responses_total\{collection="customers",status="200",.*\} 3/);
    expect(metrics).toMatch(/tributary_mock_responses_total\{collection="customers",status="400",.*\} 1/);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/nothing'],
    ['GET', '/customers/C-000001/lines'],
    ['POST', '/customers'],
    ['GET', '/admin/changes'],
  ])('answers %s %s with 404 in JSON', async (method, path) => {
    const problem = await getProblem(await startMock(), path, { method });
    expect(problem).toMatchObject({ status: 404, code: 'unknown_path' });
    expect(problem.message).toContain(`${method} ${path}`);
  });

  it('answers a path that is not valid in a URL with 400 in JSON', async () => {
    expect(await getProblem(await startMock(), '/customers/%E0%A4%A')).toMatchObject({ status: 400 });
  });
});
