import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, partsOf, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Flow } from '../../src/flow/flow.js';
import { EVERY, Recorder } from '../../src/flow/history.js';
import { parseMetrics, sumOf } from '../../src/flow/metrics-text.js';
import { RateMeter } from '../../src/flow/rates.js';
import { tellProblems } from '../../src/flow/words.js';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { sampleConfig, time, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describe('metrics as text', () => {
  it('are read with their labels, also escaped ones, and summed over the labels that are asked for', () => {
    const metrics = parseMetrics(
      [
        '# HELP tributary_records_total Records',
        'tributary_records_total{entity="a",outcome="accepted"} 3',
        'tributary_records_total{entity="b \\"q\\", \\\\ \\n}",outcome="accepted"} 4 1700000000000',
        'tributary_records_total{entity="a",outcome="dead"} 1e2',
        'tributary_unsettled_deliveries 7',
        'nodejs_heap_size_used_bytes 5',
      ].join('\n'),
    );
    expect(sumOf(metrics, 'tributary_records_total', { outcome: 'accepted' })).toBe(7);
    expect(sumOf(metrics, 'tributary_records_total')).toBe(107);
    expect(metrics.get('tributary_records_total')?.[1]?.labels.entity).toBe('b "q", \\ \n}');
    expect(sumOf(metrics, 'tributary_unsettled_deliveries')).toBe(7);
    expect(metrics.has('nodejs_heap_size_used_bytes')).toBe(false);
  });
});

describe('rates', () => {
  const scrape = (address: string, written: number) => ({
    address,
    name: null,
    answers: true,
    problems: [],
    metrics: parseMetrics(`tributary_rows_written_total{dataset="customers"} ${written}`),
  });

  it('count over all instances, and not what was counted before the first look', () => {
    const meter = new RateMeter();
    meter.take(0, [scrape('a', 1_000), scrape('b', 50)]);
    meter.take(10_000, [scrape('a', 1_100), scrape('b', 150)]);
    expect(meter.rates.written).toBe(20);
    expect(meter.rate('written customers')).toBe(20);
  });

  it('count from 0 when a counter began anew, and count nothing for a process that is away', () => {
    const meter = new RateMeter();
    meter.take(0, [scrape('a', 1_000)]);
    meter.take(5_000, []);
    meter.take(10_000, [scrape('a', 30)]);
    expect(meter.rates.written).toBe(3);
  });

  it('count a first burst: of a counter that was not there at the last look, and of a process that has just begun', () => {
    const telling = (began: number, written?: number) => ({
      address: 'a',
      metrics: parseMetrics(
        [
          `process_start_time_seconds{service="consumer"} ${began}`,
          ...(written === undefined ? [] : [`tributary_rows_written_total{dataset="customers"} ${written}`]),
        ].join('\n'),
      ),
    });
    const later = new RateMeter();
    later.take(1_000_000, [telling(1)]);
    later.take(1_010_000, [telling(1, 100)]);
    expect(later.rates.written).toBe(10);

    const together = new RateMeter();
    together.take(1_000_000, [telling(995, 100)]);
    expect(together.rates.written).toBe(20);
    for (let at = 1_002_000; at <= 1_060_000; at += 2_000) together.take(at, [telling(995, 100)]);
    expect(together.rates.written).toBe(0);

    const long = new RateMeter();
    long.take(1_000_000, [telling(1, 100)]);
    long.take(1_010_000, [telling(1, 100)]);
    expect(long.rates.written).toBe(0);
  });

  it('fall to 0 when nothing flows any more', () => {
    const meter = new RateMeter();
    meter.take(0, [scrape('a', 0)]);
    for (let at = 1_000; at <= 60_000; at += 1_000) meter.take(at, [scrape('a', 100)]);
    expect(meter.rates.written).toBe(0);
  });
});

describe('the last hour', () => {
  const values = { fetched: 0, published: 0, accepted: 0, duplicate: 0, stale: 0, dead: 0, written: 1.234 };

  it('holds a point every ten seconds, as columns, and forgets what is older', () => {
    const recorder = new Recorder();
    for (let at = 0; at <= 7_200_000; at += 1_000)
      recorder.record(at, { ...values, backlog: 2, unacked: 0, freshness: null });
    const { at, series } = recorder.history;
    expect(at).toHaveLength(3_600_000 / EVERY + 1);
    expect([at.at(0), at.at(-1)]).toEqual([3_600, 7_200]);
    expect([series.written.at(-1), series.freshness.at(-1)]).toEqual([1.23, null]);
  });
});

describe('what is wrong', () => {
  const calm: Omit<Flow, 'problems'> = {
    at: '',
    rates: { fetched: 0, published: 0, accepted: 0, duplicate: 0, stale: 0, dead: 0, written: 0 },
    endpoints: [],
    producers: [],
    consumers: [],
    queues: [],
    datasets: [],
    aggregates: [],
    broker: { known: true, connected: true },
    unacked: 0,
    oldestUnflushed: null,
    freshness: null,
    alerts: [],
    sink: { type: 'csv', medium: '', where: '' },
  };
  const queue = { queue: 'q', entity: 'e', ready: 0, records: 0, consumers: 1, dead: 0, rate: 0 };

  it('is nothing while all is well', () => {
    expect(tellProblems({ ...calm, queues: [queue] }, 0)).toEqual([]);
  });

  it('is told in words, each with what follows from it', () => {
    const words = tellProblems(
      {
        ...calm,
        broker: { known: true, connected: true },
        producers: [{ address: 'p:1', name: null, answers: false, problems: ['connect ECONNREFUSED'] }],
        consumers: [{ address: 'c:1', name: null, answers: true, problems: ['Redis is not connected'], unsettled: 0 }],
        queues: [{ ...queue, ready: 12, consumers: 0, dead: 1 }],
      },
      0,
    );
    expect(words).toEqual([
      'The producer at p:1 does not answer (connect ECONNREFUSED). Nothing new is polled.',
      'The consumer at c:1 waits: Redis is not connected.',
      'No consumer takes from q: 12 records wait there.',
      '1 record could not be written. It is among the dead letters.',
    ]);
    expect(tellProblems({ ...calm, broker: { known: true, connected: false } }, 0)[0]).toContain('RabbitMQ is away');
  });
});

describe('what flows, over HTTP', () => {
  let folder: string;
  let services: Server;
  let dashboard: Dashboard;
  let records = 100;
  let isReady = true;
  let looks = 0;
  /** The pipeline whose services answer. */
  let owner = '';
  /** The token that the services want for what they tell. */
  let wanted: string | undefined;
  /** What they answer without it. */
  let refusal = 401;
  /** Milliseconds that the dashboard's clock is ahead. */
  let ahead = 0;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flow-'));
    owner = sampleConfig(folder).name;
    wanted = undefined;
    refusal = 401;
    ahead = 0;
    services = createServer((request, response) => {
      if (wanted !== undefined && request.headers.authorization !== `Bearer ${wanted}`) {
        response.statusCode = refusal;
        return response.end('{}');
      }
      if (request.url === '/metrics') {
        looks += 1;
        const age = 'tributary_oldest_unflushed_seconds{entity="customer"} 4.5';
        const last = `tributary_poll_last_success_timestamp_seconds{endpoint="crm"} ${Date.parse(time(1)) / 1_000}`;
        const info = `tributary_pipeline_info{pipeline="${owner}",parts="${partsOf(sampleConfig(folder))}"} 1`;
        return response.end(`tributary_poll_records_total{endpoint="crm"} ${records}\n${age}\n${last}\n${info}\n`);
      }
      if (request.url === '/readyz')
        return response.end(JSON.stringify({ problems: isReady ? [] : ['the disk is full'] }));
      response.statusCode = 404;
      return response.end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => services.once('listening', resolve));
    const url = `http://127.0.0.1:${(services.address() as AddressInfo).port}`;
    dashboard = createDashboard({
      config: sampleConfig(folder),
      port: 0,
      host: '127.0.0.1',
      instance: 'test',
      log,
      services: () => ({ producers: [url], consumers: [url] }),
      readToken: 'token-of-programs',
      clock: { ...systemClock, now: () => Date.now() + ahead },
      reading: 'local',
    });
    await dashboard.start();
  });
  afterEach(async () => {
    await dashboard.stop();
    services.close();
    await rm(folder, { recursive: true });
  });

  /** Reads events until one meets the condition. */
  async function hear(wanted: (flow: Flow) => boolean): Promise<Flow> {
    const stream = await fetch(`${dashboard.url}/api/live`);
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of stream.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = /^event: flow\ndata: (.*)$/s.exec(event)?.[1];
        if (data === undefined) continue;
        const flow = JSON.parse(data) as Flow;
        if (wanted(flow)) return flow;
      }
    }
    throw new Error('the stream has ended');
  }

  it('is sent as events, with what the services and the sink say', async () => {
    const first = await hear(() => true);
    expect(first).toMatchObject({ unacked: 0, oldestUnflushed: 4.5, freshness: null, broker: { known: false } });
    expect(first.endpoints[0]).toMatchObject({ id: 'crm', lastPollAt: time(1), schedule: 'every 1 min' });
    records = 200;
    await writePart(folder, [{ key: 'a', at: 1 }]);
    const later = await hear(({ rates, freshness }) => rates.fetched > 0 && freshness !== null);
    expect(later.datasets[0]).toMatchObject({ name: 'customers', keys: 1 });
  });

  it('looks once for all clients: two hundred cost what one does', async () => {
    const heard = await Promise.all(Array.from({ length: 200 }, () => hear(() => true)));
    expect(heard).toHaveLength(200);
    const before = looks;
    const began = Date.now();
    const later = Date.now() + 2_000;
    await Promise.all(Array.from({ length: 200 }, () => hear(({ at }) => Date.parse(at) > later)));
    // Producer and consumer are asked once a second each, for however long this took.
    expect(looks - before).toBeLessThanOrEqual(2 * ((Date.now() - began) / 1_000 + 2));
    // Four hundred connections take half a minute on a machine under load.
  }, 180_000);

  it('looks once for all who ask while no client watches', async () => {
    await (await fetch(`${dashboard.url}/api/flow`)).json();
    ahead = 60_000;
    const before = looks;
    const ask = async () => (await fetch(`${dashboard.url}/api/flow`)).json();
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 10 }, ask));
    // Producer and consumer once, and once more if the dashboard looked by itself meanwhile.
    expect(looks - before).toBeLessThanOrEqual(4);
  });

  it('tells what a service waits for, and what does not answer', async () => {
    isReady = false;
    const waiting = await hear(({ problems }) => problems.length > 0);
    expect(waiting.problems[0]).toContain('waits: the disk is full');
    services.closeAllConnections();
    services.close();
    const gone = await hear(({ problems }) => problems.some((problem) => problem.includes('does not answer')));
    expect(gone.producers[0]).toMatchObject({ answers: false });
  });

  it('shows no numbers of another pipeline whose services have the usual ports, and says which pipeline it is', async () => {
    owner = 'another';
    const { producers, endpoints, problems } = await hear(() => true);
    expect(producers[0]).toMatchObject({ answers: false });
    expect(endpoints[0]).toMatchObject({ lastPollAt: null, polls: 0 });
    expect(problems[0]).toMatch(/service of another pipeline, "another", answers there; PRODUCER_URL/);
  });

  it('reads services that want a token with READ_TOKEN, and says so where theirs is another', async () => {
    wanted = 'token-of-programs';
    expect((await hear(() => true)).consumers[0]).toMatchObject({ answers: true });
    wanted = 'another token';
    const told = 'it tells nothing without its READ_TOKEN: set the same for the dashboard';
    await hear(({ problems }) => problems[0]?.includes(told) === true);
    // Another program of this machine guesses, and locks out all that come from here.
    refusal = 429;
    await hear(({ problems }) => problems[0]?.includes('too many wrong ones came from here') === true);
  });

  it('shows no address with its secrets', async () => {
    const text = await (await fetch(`${dashboard.url}/api/flow`)).text();
    expect(text).not.toMatch(/password|token|secret/i);
  });
});
