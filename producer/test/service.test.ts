import { describe, expect, it, vi } from 'vitest';
import { type CursorStore, memoryCursorStore } from '../src/cursor/cursor.js';
import { json, startApi } from './support/api.js';
import { ManualClock } from './support/manual-clock.js';
import { setUpProducer } from './support/producer.js';
import { startRiggedBroker } from './support/rigged-broker.js';

const customers = (...ids: string[]) => ids.map((id) => ({ id, updatedAt: '2026-03-01T11:00:00Z' }));

describe('the producer', () => {
  it('polls every enabled endpoint once, each into the queue of its entity', async () => {
    const api = await startApi(({ url }, response) =>
      json(response, url.pathname === '/products' ? [{ sku: 's1' }] : customers('a', 'b')),
    );
    const { producer, queued } = await setUpProducer({
      'crm-customers': { url: `${api.url}/customers` },
      'crm-products': { url: `${api.url}/products`, entity: 'inventory' },
      off: { url: `${api.url}/off`, enabled: false },
    });
    await producer.start();
    const summaries = await producer.pollOnce();
    expect(summaries).toMatchObject([
      { endpoint: 'crm-customers', run: 1, pages: 1, records: 2, published: 2 },
      { endpoint: 'crm-products', run: 1, pages: 1, records: 1, published: 1 },
    ]);
    expect(summaries.every((summary) => !('error' in summary))).toBe(true);
    expect([queued('customer_data'), queued('inventory_data')]).toEqual([2, 1]);
    expect([...api.paths].sort()).toEqual(['/customers', '/products']);
  });

  it('keeps the failure of one endpoint from the others: it is logged once, counted, and tried again at the next poll', async () => {
    let down = true;
    const api = await startApi(({ url }, response) =>
      url.pathname === '/bad' && down ? response.writeHead(503).end('maintenance') : json(response, customers('a')),
    );
    const settings = { retries: 1, retryDelay: '1ms' };
    const { producer, lines, get } = await setUpProducer({
      bad: { url: `${api.url}/bad`, ...settings },
      good: { url: `${api.url}/good`, ...settings },
    });
    await producer.start();
    const [bad, good] = await producer.pollOnce();
    expect(bad).toMatchObject({ published: 0, error: expect.stringContaining('bad: page 1, GET') });
    expect(good).toMatchObject({ published: 1 });
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { endpoint: 'bad', run: 1, reason: expect.stringContaining('answered 503: "maintenance"') },
    ]);
    const metrics = (await get('/metrics')).text;
    expect(metrics).toContain('tributary_poll_failures_total{endpoint="bad",code="http_503",service="producer"} 1');
    expect(metrics).toContain('tributary_poll_retries_total{endpoint="bad",code="http_503",service="producer"} 1');
    expect(metrics).toContain('tributary_publish_confirmed_total{queue="customer_data",service="producer"} 1');
    expect(metrics).toContain('tributary_publish_unconfirmed{queue="customer_data",service="producer"} 0');
    expect(metrics).toMatch(/tributary_poll_last_success_timestamp_seconds\{endpoint="good",.*\} \d+/);
    down = false;
    expect((await producer.pollOnce())[0]).toMatchObject({ run: 2, published: 1 });
  });

  it('polls by schedule, the first time at once, and never the same endpoint twice at a time', async () => {
    const clock = new ManualClock();
    const held: (() => void)[] = [];
    const api = await startApi((_request, response) => void held.push(() => json(response, customers('a'))));
    const { producer, lines, get } = await setUpProducer(
      { crm: { url: api.url, schedule: { every: '10s' }, timeout: '1h' } },
      { schedule: true, clock: withRealWaits(clock) },
    );
    await producer.start();
    await vi.waitFor(() => expect(held).toHaveLength(1));
    for (let tick = 0; tick < 3; tick++) await clock.advance(10_000);
    expect(api.asked).toHaveLength(1);
    expect(lines.filter(({ msg }) => msg.includes('still going on'))).toHaveLength(1);
    expect((await get('/metrics')).text).toContain(
      'tributary_poll_overdue_ticks_total{endpoint="crm",service="producer"} 3',
    );
    held[0]?.();
    await vi.waitFor(() => expect(lines.some(({ msg }) => msg === 'polled')).toBe(true));
    await clock.advance(10_000);
    await vi.waitFor(() => expect(held).toHaveLength(2));
    held[1]?.();
  });

  it('says when it tries again after a failure', async () => {
    const clock = new ManualClock();
    const api = await startApi((_request, response) => response.writeHead(404).end());
    const { producer, lines } = await setUpProducer(
      { crm: { url: api.url, schedule: { every: '30s' } } },
      { schedule: true, clock: withRealWaits(clock) },
    );
    await producer.start();
    await vi.waitFor(() => expect(lines.some(({ level }) => level === 'warn')).toBe(true));
    expect(lines.find(({ level }) => level === 'warn')).toMatchObject({ nextPoll: '2026-03-01T12:00:30.000Z' });
  });

  it('is not ready, and says why, while the broker is away; it is ready again when the broker is back', async () => {
    const { producer, server, get, ready } = await setUpProducer({});
    await producer.start();
    expect((await get('/healthz')).status).toBe(200);
    await ready();
    const { port } = server;
    await server.close();
    await vi.waitFor(async () => {
      const { status, text } = await get('/readyz');
      expect(status).toBe(503);
      expect(text).toContain(`RabbitMQ is not connected (amqp://127.0.0.1:${port})`);
    });
    await server.listen(port);
    await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200));
  });

  it('is not ready, and says why, while Redis is away; polls wait for it and can be stopped', async () => {
    const api = await startApi((_request, response) => json(response, []));
    const { producer, get } = await setUpProducer({ crm: { url: api.url } }, { cursors: undefined });
    await producer.start();
    expect((await get('/readyz')).text).toContain('Redis is not connected (redis://127.0.0.1:1)');
    const polling = producer.pollOnce();
    await producer.stop(5_000);
    expect(await polling).toMatchObject([{ run: 0, error: 'the producer is stopping' }]);
    expect(api.asked).toEqual([]);
  });

  it('is not ready while the broker blocks publishers', async () => {
    const { producer, server, get, ready } = await setUpProducer({});
    await producer.start();
    await ready();
    server.block('low on disk');
    await vi.waitFor(async () => expect((await get('/readyz')).text).toContain('short of memory or disk'));
    server.unblock();
    await ready();
  });

  it('waits, when it stops, for the confirms of what it fetched, and saves the cursor', async () => {
    const api = await startApi((_request, response) => json(response, customers('a', 'b')));
    const store = memoryCursorStore();
    const saves: string[] = [];
    const cursors: CursorStore = {
      ...store,
      async save(endpoint, cursor) {
        saves.push(endpoint.id);
        await store.save(endpoint, cursor);
      },
    };
    const broker = await startRiggedBroker();
    const { producer } = await setUpProducer({ crm: { url: api.url } }, { cursors, amqpUrl: broker.url });
    await producer.start();
    broker.confirm(false);
    const polling = producer.pollOnce();
    await vi.waitFor(() => expect(broker.server.getBroker().getQueue('customer_data')?.messageCount).toBe(2));
    const stopping = producer.stop(10_000);
    expect(saves).toEqual([]);
    broker.confirm(true);
    await stopping;
    expect(await polling).toMatchObject([{ records: 2, published: 2 }]);
    expect(saves).toEqual(['crm']);
  });

  it('stops at its deadline when the broker does not come back, and says what happens to unconfirmed messages', async () => {
    const api = await startApi((_request, response) => json(response, customers('a')));
    const { producer, server, ready } = await setUpProducer({ crm: { url: api.url } });
    await producer.start();
    await ready();
    await server.close();
    const polling = producer.pollOnce();
    await vi.waitFor(() => expect(api.asked).toHaveLength(1));
    // The page has arrived when the message waits to be sent.
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${producer.url}/metrics`)).text();
      expect(metrics).toContain('tributary_publish_unconfirmed{queue="customer_data",service="producer"} 1');
    });
    await producer.stop(50);
    expect(await polling).toMatchObject([{ error: expect.stringContaining('stopped before RabbitMQ had confirmed') }]);
  });

  it('can be stopped before it is started, and again', async () => {
    const { producer } = await setUpProducer({});
    await producer.stop();
    await producer.stop();
    await expect(producer.start()).rejects.toThrow('was stopped');
  });

  it('can be started twice, and runs once', async () => {
    const { producer } = await setUpProducer({});
    await Promise.all([producer.start(), producer.start()]);
    const { url } = producer;
    await producer.start();
    expect(producer.url).toBe(url);
  });

  it('releases everything when its port is taken', async () => {
    const other = await startApi((_request, response) => response.end());
    const port = Number(new URL(other.url).port);
    const { producer, server } = await setUpProducer({}, { port });
    await expect(producer.start()).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    await vi.waitFor(() => expect(server.connections.size).toBe(0));
  });

  it('refuses an invalid schedule before anything runs', async () => {
    await expect(
      setUpProducer({ crm: { url: 'http://127.0.0.1:1/', schedule: { cron: '99 * * * *' } } }),
    ).rejects.toThrow('endpoints.crm.schedule.cron');
  });

  it('shows no secret in log, metrics or answers', async () => {
    const api = await startApi(({ headers, url }, response) =>
      response.writeHead(403).end(`${headers.authorization} ${url.search}`),
    );
    const { producer, text, get } = await setUpProducer({
      crm: {
        url: `${api.url.replace('//', '//someone:p4ssword@')}/?sig=sigsecret`,
        headers: { 'x-key': 'headersecret' },
        query: { api_key: 'querysecret' },
      },
    });
    await producer.start();
    const summaries = await producer.pollOnce();
    const shown = [text(), JSON.stringify(summaries), (await get('/metrics')).text, (await get('/readyz')).text].join();
    expect(shown).toContain('answered 403');
    const secrets = ['p4ssword', 'sigsecret', 'headersecret', 'querysecret', btoa('someone:p4ssword')];
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  });
});

/** Time is the test's, but waits on the broker are real. */
function withRealWaits(clock: ManualClock) {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms: number, signal?: AbortSignal) =>
      ms >= 10_000 ? clock.sleep(ms, signal) : new Promise<void>((resolve) => setTimeout(resolve, ms)),
  };
}
