import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDashboard, type Dashboard } from '@tributary/dashboard';
import { createLogger, parsePipeline, Redis, redisPrefix } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { httpReceiver } from '../../dashboard/test/alerts/receivers.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TOKEN = 'operator-secret';
const WAIT = { timeout: 60_000, interval: 100 };

/** A dataset that nobody writes is stale at once. */
const pipeline = (name: string, folder: string, url: string) =>
  parsePipeline(
    `
name: ${name}
entities:
  customer: { dataset: customers, queue: customer_data, key: id, fields: { id: string } }
endpoints:
  one: { url: "http://127.0.0.1:1/one", entity: customer }
sink: { csv: { directory: "${folder}" } }
alerts:
  rules: { stale: { when: freshness, datasets: [customers], olderThan: 1ms, for: 1ms, gather: 1ms } }
  channels: { hook: { type: webhook, url: "${url}" } }
`,
    {},
    'alerts.yaml',
  );

interface Told {
  readonly id: string;
  readonly status: string;
}
const toldTo = ({ received }: { received: readonly { body: string }[] }): Told[] =>
  received.map(({ body }) => (JSON.parse(body) as { data: Told }).data);

describe('alerts', () => {
  let folder: string;
  let name: string;
  let redis: Redis;
  const running: Dashboard[] = [];
  const closing: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'alerts-'));
    name = uniqueName('alerts');
    redis = new Redis(inject('redisUrl'));
  });
  afterEach(async () => {
    for (const dashboard of running.splice(0)) await dashboard.stop();
    for (const close of closing.splice(0)) await close();
    await redis.del(...['alerts', 'alerts-holder', 'alert-silences'].map((key) => redisPrefix(name) + key));
    redis.disconnect();
    await rm(folder, { recursive: true });
  });

  const receiver = async (...answers: Parameters<typeof httpReceiver>) => {
    const found = await httpReceiver(...answers);
    closing.push(found.close);
    return found;
  };
  async function start(url: string, instance: string, redisUrl: string | undefined = inject('redisUrl')) {
    const dashboard = createDashboard({
      config: pipeline(name, folder, url),
      port: 0,
      host: '127.0.0.1',
      instance,
      log,
      tokens: { operator: `anna=${TOKEN}` },
      auditLog: join(folder, `${redisUrl === undefined ? 'one' : instance}`, 'audit.jsonl'),
      redisUrl,
    });
    running.push(dashboard);
    await dashboard.start();
    const ask = async (path: string, init: RequestInit = {}) =>
      await fetch(`${dashboard.url}/api${path}`, {
        ...init,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      });
    return { dashboard, ask, alerts: async () => (await ask('/alerts')).json() as Promise<Record<string, unknown>> };
  }
  const stop = async (dashboard: Dashboard) => {
    running.splice(running.indexOf(dashboard), 1);
    await dashboard.stop();
  };

  it('are sent by one of two dashboards, and by the other when that one stops; both show them, and both can silence', async () => {
    const hook = await receiver();
    const one = await start(hook.url, 'one');
    const two = await start(hook.url, 'two');
    await vi.waitFor(() => expect(hook.received).toHaveLength(1), WAIT);
    await vi.waitFor(async () => expect((await two.alerts()).firing).toHaveLength(1), WAIT);
    const senders = async () => [(await one.alerts()).sender, (await two.alerts()).sender];
    expect(await senders()).toEqual(['this', 'other']);
    const silence = { rule: 'stale', subject: 'customers', minutes: 60, why: 'it is known' };
    const answer = await two.ask('/alerts/silences', { method: 'POST', body: JSON.stringify(silence) });
    expect(answer.status).toBe(201);
    await vi.waitFor(
      async () => expect((await one.alerts()).firing).toMatchObject([{ rule: 'stale', silenced: true }]),
      WAIT,
    );
    await stop(one.dashboard);
    await vi.waitFor(async () => expect((await two.alerts()).sender).toBe('this'), WAIT);
    expect((await two.alerts()).silences).toMatchObject([{ by: 'anna', why: 'it is known' }]);
    expect(hook.received).toHaveLength(1);
  });

  it('that were kept and not sent when a dashboard died are sent by the next, under the same id', async () => {
    const silent = await receiver((got) => (got === 1 ? 0 : 200));
    const one = await start(silent.url, 'one');
    await vi.waitFor(() => expect(silent.received).toHaveLength(1), WAIT);
    // It has sent, and no answer has come: what it was about to note is lost with it.
    await stop(one.dashboard);
    await start(silent.url, 'two');
    await vi.waitFor(() => expect(silent.received).toHaveLength(2), WAIT);
    const [first, second] = toldTo(silent);
    expect(second).toEqual(first);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(silent.received).toHaveLength(2);
  });

  it('outlive a restart without Redis, with silences, in a file', async () => {
    const hook = await receiver();
    const one = await start(hook.url, 'one', '');
    await vi.waitFor(() => expect(hook.received).toHaveLength(1), WAIT);
    const silence = { rule: 'stale', minutes: 60, why: 'it is known' };
    await one.ask('/alerts/silences', { method: 'POST', body: JSON.stringify(silence) });
    const before = await one.alerts();
    await stop(one.dashboard);
    const two = await start(hook.url, 'one', '');
    await vi.waitFor(async () => expect((await two.alerts()).firing).toHaveLength(1), WAIT);
    const after = await two.alerts();
    expect(after.silences).toEqual(before.silences);
    expect((after.firing as { since: string }[])[0]?.since).toBe((before.firing as { since: string }[])[0]?.since);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(hook.received).toHaveLength(1);
  });

  it('are tried again when a receiver is away, and the page says why without its address', async () => {
    const hook = await receiver((got) => (got < 3 ? 503 : 200));
    const one = await start(hook.url, 'one');
    await vi.waitFor(async () => {
      const text = JSON.stringify(await one.alerts());
      expect(text).toContain('it answered 503');
      expect(text).not.toContain('hook-of-a-secret-kind');
    }, WAIT);
    await vi.waitFor(() => expect(hook.received).toHaveLength(3), WAIT);
    expect(new Set(toldTo(hook).map(({ id }) => id)).size).toBe(1);
    await vi.waitFor(
      async () => expect((await one.alerts()).channels).toMatchObject([{ sent: 1, waiting: 0, problem: null }]),
      WAIT,
    );
    const metrics = await (
      await fetch(`${one.dashboard.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
    ).text();
    expect(metrics).toContain('tributary_alert_messages_total{channel="hook",outcome="sent",service="dashboard"} 1');
    expect(metrics).not.toContain('hook-of-a-secret-kind');
  });
});
