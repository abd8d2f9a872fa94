import { describe, expect, it, vi } from 'vitest';
import { type EndpointRequest, runEndpointCommand } from '../../src/operate/commands.js';
import type { EndpointReport } from '../../src/operate/control.js';
import { json, startApi } from '../support/api.js';
import { setUpProducer } from '../support/producer.js';

const TOKEN = 'a-long-admin-token';
/** One second, as vitest waits by itself, is short for a busy machine. */
const WAIT = { timeout: 45_000 };
const customers = [{ id: 'a', updatedAt: '2026-03-01T11:00:00Z' }];

/** A producer that polls every hour, and a person at it. */
async function setUp(settings: object = {}, adminToken: string | undefined = TOKEN) {
  const answers = { status: 200, hold: false };
  const held: (() => void)[] = [];
  const api = await startApi(({ url }, response) => {
    const answer = () =>
      answers.status === 200 ? json(response, customers) : response.writeHead(answers.status).end();
    if (answers.hold && url.pathname === '/c') held.push(answer);
    else answer();
  });
  const crm = { url: `${api.url}/c`, schedule: { every: '1h' }, retries: 0, incremental: { parameter: 'since' } };
  const endpoints = { crm: { ...crm, ...settings }, other: { ...crm, ...settings, url: `${api.url}/o` } };
  const rig = await setUpProducer(endpoints, { schedule: true, adminToken });
  await rig.producer.start();
  const report = async () => JSON.parse((await rig.get('/endpoints/crm/status')).text) as EndpointReport;
  const post = async (path: string, token = TOKEN, body?: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${rig.producer.url}${path}`, {
      method: 'POST',
      headers,
      ...(body !== undefined && { body }),
    });
    return { status: response.status, text: await response.text() };
  };
  const asked = () => api.paths.filter((path) => path.startsWith('/c'));
  const untilAsked = (count: number) => vi.waitFor(() => expect(asked()).toHaveLength(count), WAIT);
  /** A run that is asked for while one goes on joins it; so the first is waited for. */
  const untilPolled = () => vi.waitFor(async () => expect((await report()).lastRun).not.toBeNull(), WAIT);
  const command = async (command: EndpointRequest, endpoint?: string, since?: string) => {
    let written = '';
    const write = (text: string) => {
      written += text;
    };
    await runEndpointCommand({ command, endpoint, since, producerUrl: rig.producer.url, adminToken: TOKEN, write });
    return written;
  };
  return { ...rig, api, answers, held, report, post, asked, untilAsked, untilPolled, command };
}

describe('the operation of endpoints', () => {
  it('tells how each endpoint is', async () => {
    const { get, report } = await setUp();
    await vi.waitFor(async () => expect((await report()).lastRun?.published).toBe(1), WAIT);
    expect(await report()).toEqual({
      endpoint: 'crm',
      entity: 'customer',
      priority: 'normal',
      state: 'waiting',
      run: 1,
      failures: 0,
      producer: 'test-1',
      lastRun: { startedAt: expect.any(String), endedAt: expect.any(String), records: 1, published: 1 },
      lastSuccess: expect.any(String),
      nextRun: expect.any(String),
      cursor: '2026-03-01T11:00:00.000Z',
    });
    expect(JSON.parse((await get('/endpoints')).text)).toHaveLength(2);
    expect(JSON.parse((await get('/status')).text)).toMatchObject({ instance: 'test-1', endpoints: 2, held: 2 });
    expect((await get('/endpoints/nope/status')).status).toBe(404);
  });

  it('polls now, when a person asks', async () => {
    const { post, untilAsked, untilPolled } = await setUp();
    await untilPolled();
    expect(await post('/endpoints/crm/run')).toMatchObject({ status: 202 });
    await untilAsked(2);
    expect(await post('/endpoints/nope/run')).toMatchObject({ status: 404 });
  });

  it('does nothing without the token, and says why', async () => {
    const { post, asked, untilAsked } = await setUp();
    await untilAsked(1);
    for (const token of ['', 'wrong', `${TOKEN}x`]) {
      expect(await post('/endpoints/crm/run', token)).toMatchObject({
        status: 401,
        text: expect.stringContaining('admin token'),
      });
    }
    const without = await setUp({}, '');
    expect(await without.post('/endpoints/crm/run', '')).toMatchObject({
      status: 403,
      text: expect.stringContaining('no ADMIN_TOKEN'),
    });
    expect(asked()).toHaveLength(1);
  });

  it('pauses an endpoint until it is resumed', async () => {
    const { api, command, report, asked } = await setUp({ schedule: { every: '100ms' } });
    // It is polled so often that a slow machine may see the number that is waited for go by.
    const untilAskedAtLeast = (count: number) =>
      vi.waitFor(() => expect(asked().length).toBeGreaterThanOrEqual(count), WAIT);
    await untilAskedAtLeast(2);
    await command('pause', 'crm');
    await vi.waitFor(async () => expect(await report()).toMatchObject({ state: 'paused', nextRun: null }), WAIT);
    const before = asked().length;
    const others = () => api.paths.filter((path) => path.startsWith('/o')).length;
    const otherBefore = others();
    await vi.waitFor(() => expect(others()).toBeGreaterThan(otherBefore + 3), WAIT);
    expect(asked()).toHaveLength(before);
    await command('resume', 'crm');
    await untilAskedAtLeast(before + 2);
  });

  it('begins a poll anew, and forgets that it failed', async () => {
    const { answers, command, report, untilAsked, untilPolled, held } = await setUp({
      circuit: { failures: 1, pause: '1h' },
    });
    await untilPolled();
    answers.status = 503;
    await command('run', 'crm');
    await vi.waitFor(async () => expect(await report()).toMatchObject({ state: 'open' }), WAIT);
    answers.status = 200;
    answers.hold = true;
    await command('restart', 'crm');
    await untilAsked(3);
    await command('restart', 'crm');
    await untilAsked(4);
    held[1]?.();
    await vi.waitFor(async () => expect(await report()).toMatchObject({ state: 'waiting', failures: 0 }), WAIT);
  });

  it('forgets how far an endpoint came, and polls all of it again, or from where it is told', async () => {
    const { command, post, asked, untilAsked, report } = await setUp();
    await vi.waitFor(async () => expect((await report()).cursor).not.toBeNull(), WAIT);
    await command('run', 'crm');
    await untilAsked(2);
    await command('reset', 'crm');
    await untilAsked(3);
    await vi.waitFor(async () => expect((await report()).run).toBe(3), WAIT);
    await command('reset', 'crm', '2026-01-01');
    await untilAsked(4);
    const since = (time: string) => `/c?since=${encodeURIComponent(time)}`;
    expect(asked()).toEqual(['/c', since('2026-03-01T10:59:55.000Z'), '/c', since('2025-12-31T23:59:55.000Z')]);
    await expect(command('reset', 'crm', 'yesterday')).rejects.toThrow('answered 400: crm: "yesterday"');
    const before = asked().length;
    expect(await post('/endpoints/crm/reset?since=2026-01-01&since=2026-02-01')).toMatchObject({
      status: 400,
      text: expect.stringContaining('since is given more than once'),
    });
    expect(await post('/endpoints/crm/reset?since=2026-01-01&to=2026-02-01')).toMatchObject({ status: 400 });
    expect(await post('/endpoints/crm/reset?since=')).toMatchObject({ status: 400 });
    expect(await post('/endpoints/crm/reset?to=')).toMatchObject({ status: 400 });
    // Otherwise everything would come again.
    for (const name of ['to[]', 'Since', '__proto__', 'sinse']) {
      expect(await post(`/endpoints/crm/reset?${name}=2026-01-01`)).toMatchObject({
        status: 400,
        text: expect.stringContaining(`there is no parameter ${name}`),
      });
    }
    expect(await post('/endpoints/crm/reset?to=2026-02-01')).toMatchObject({
      status: 400,
      text: expect.stringContaining('crm has no checkpoints'),
    });
    for (const body of ['{"to":"2026-02-01"}', '{}', 'since=2026-01-01']) {
      expect(await post('/endpoints/crm/reset', TOKEN, body)).toMatchObject({
        status: 400,
        text: expect.stringContaining('a command takes no body'),
      });
    }
    expect(asked()).toHaveLength(before);
  });

  it('can be asked for from the command line', async () => {
    const { command, untilPolled, producer } = await setUp();
    // Asked alone, the endpoint may still be running.
    await untilPolled();
    const list = await command('list');
    expect(list).toMatch(/^endpoint +state +producer/);
    expect(list).toMatch(/^crm +waiting +test-1 /m);
    expect(JSON.parse(await command('status', 'crm'))).toMatchObject({ endpoint: 'crm' });
    expect(await command('checkpoints', 'crm')).toMatch(/^crm has no checkpoints: .* keep: 1h/);
    await expect(command('status', 'nope')).rejects.toThrow('answered 404: there is no endpoint "nope"');
    await expect(command('reset')).rejects.toThrow('reset which endpoint?');
    const stranger = { producerUrl: producer.url, adminToken: '', write: () => {} };
    await expect(runEndpointCommand({ ...stranger, command: 'run', endpoint: 'crm' })).rejects.toThrow(
      'set ADMIN_TOKEN to the one that the producer was started with',
    );
    const away = { ...stranger, producerUrl: 'http://127.0.0.1:1' };
    await expect(runEndpointCommand({ ...away, command: 'list' })).rejects.toThrow(
      'no producer answers at http://127.0.0.1:1',
    );
  });
});

describe('an endpoint that fails again and again', () => {
  it('is not polled after the configured number of failures, tried once after a pause, and polled again when it answers', async () => {
    const { answers, asked, report, lines, get } = await setUp({
      schedule: { every: '100ms' },
      retries: 2,
      retryDelay: '1ms',
      circuit: { failures: 2, pause: '2s' },
    });
    // On this schedule there are more by the time that one is seen.
    await vi.waitFor(() => expect(asked().length).toBeGreaterThan(0), WAIT);
    answers.status = 503;
    await vi.waitFor(async () => expect(await report()).toMatchObject({ state: 'open', failures: 2 }), WAIT);
    // Counted at once: the pause goes on while the metrics are asked for.
    const before = asked().length;
    expect((await get('/metrics')).text).toMatch(/tributary_poll_circuit_open\{endpoint="crm",state="open",.*\} 1/);
    await vi.waitFor(async () => expect((await report()).failures).toBe(3), WAIT);
    expect(asked()).toHaveLength(before + 1);
    expect(lines.filter(({ msg, endpoint }) => endpoint === 'crm' && msg.includes('left alone'))).toHaveLength(1);
    answers.status = 200;
    await vi.waitFor(async () => expect(await report()).toMatchObject({ state: 'waiting', failures: 0 }), WAIT);
    expect(lines.some(({ msg }) => msg.includes('answers again'))).toBe(true);
  });

  it.each([401, 403])('is told loudly, and apart, when it answers %i', async (status) => {
    const { answers, report, untilPolled, lines, command, get } = await setUp();
    await untilPolled();
    answers.status = status;
    await command('run', 'crm');
    await vi.waitFor(async () => expect(await report()).toMatchObject({ state: 'refused', failures: 1 }), WAIT);
    expect(lines.filter(({ level, endpoint }) => level === 'error' && endpoint === 'crm')).toMatchObject([
      { endpoint: 'crm', msg: expect.stringContaining('refuses our credentials'), advice: expect.any(String) },
    ]);
    expect((await get('/metrics')).text).toMatch(/tributary_poll_circuit_open\{endpoint="crm",state="refused",.*\} 1/);
  });
});

describe('an endpoint that is polled in full on a schedule of its own', () => {
  it('is polled in full at the configured times', async () => {
    const { asked, report } = await setUp({ schedule: { every: '100ms' }, resync: { every: '500ms' } });
    const full = () => asked().filter((path) => path === '/c').length;
    await vi.waitFor(() => expect(full()).toBeGreaterThanOrEqual(3), WAIT);
    expect(asked().length).toBeGreaterThan(full());
    expect((await report()).cursor).toBe('2026-03-01T11:00:00.000Z');
  });
});
