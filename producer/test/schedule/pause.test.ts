import { createRegistry, memoryRunLog, RetryableError } from '@tributary/shared';
import { describe, expect, it, vi } from 'vitest';
import { createPollMetrics } from '../../src/metrics.js';
import type { EndpointReport } from '../../src/operate/control.js';
import { Runner } from '../../src/schedule/runner.js';
import { memoryStateStore } from '../../src/schedule/states.js';
import { json, startApi } from '../support/api.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';
import { endpointWith } from '../support/pipeline.js';
import { setUpProducer } from '../support/producer.js';

const record = { id: 'a', updatedAt: '2026-03-01T11:00:00Z' };

describe('an API that asks to wait', () => {
  /** Asks to wait at first; notes when it is asked. */
  async function startBusy(status: number, headersOf: () => Record<string, string>) {
    const times: number[] = [];
    const api = await startApi((_request, response, number) => {
      times.push(Date.now());
      if (number === 0) response.writeHead(status, headersOf()).end();
      else json(response, [record]);
    });
    return { url: api.url, times };
  }

  it('is not asked by the next scheduled polls before that time, in whatever form it asks', async () => {
    const inSeconds = (seconds: number) => Math.ceil(Date.now() / 1_000) + seconds;
    const apis = await Promise.all([
      startBusy(429, () => ({ 'retry-after': '3' })),
      startBusy(503, () => ({ 'retry-after': new Date(inSeconds(3) * 1_000).toUTCString() })),
      startBusy(403, () => ({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(inSeconds(3)) })),
      startBusy(403, () => ({ 'ratelimit-reset': '3' })),
    ]);
    const settings = { schedule: { every: '1s' }, retries: 0, jitter: '0s' };
    const endpoints = Object.fromEntries(apis.map(({ url }, index) => [`api-${index}`, { url, ...settings }]));
    const { producer, get, lines } = await setUpProducer(endpoints, { schedule: true });
    await producer.start();
    await vi.waitFor(() => expect(apis.map(({ times }) => times.length)).toEqual([1, 1, 1, 1]));
    const report = async (id: string) => JSON.parse((await get(`/endpoints/${id}/status`)).text) as EndpointReport;
    await vi.waitFor(async () => {
      for (const index of apis.keys()) {
        const { state, notBefore = '', nextRun } = await report(`api-${index}`);
        expect(state).toBe('failing');
        expect(Date.parse(notBefore)).toBeGreaterThan(Date.now());
        expect(Date.parse(nextRun ?? '')).toBeGreaterThanOrEqual(Date.parse(notBefore));
      }
    });
    await vi.waitFor(() => expect(apis.every(({ times }) => times.length > 1)).toBe(true));
    for (const { times } of apis) {
      const [first = 0, second = 0] = times;
      expect(second - first).toBeGreaterThanOrEqual(2_990);
      expect(second - first).toBeLessThan(15_000);
    }
    const told = lines.filter(({ msg }) => msg.startsWith('the API asks not to be asked again'));
    expect(told.map(({ endpoint }) => endpoint).sort()).toEqual(['api-0', 'api-1', 'api-2', 'api-3']);
    expect(await report('api-2')).not.toMatchObject({ state: 'refused' });
    expect((await report('api-2')).notBefore).toBeUndefined();
  });
});

describe('the pause that an API asked for', () => {
  const endpoint = endpointWith({ url: 'http://127.0.0.1:1/' });
  const stored = {
    producer: 'p0',
    run: 1,
    startedAt: 0,
    endedAt: 0,
    records: 0,
    published: 0,
    circuit: 'closed',
    failures: 1,
  } as const;

  function setUp(poll: (runner: Runner) => Promise<void> = async () => {}) {
    const clock = new ManualClock();
    const states = memoryStateStore();
    const polled: number[] = [];
    const registry = createRegistry('test');
    const runner: Runner = new Runner({
      endpoint,
      instance: 'p1',
      states,
      runs: memoryRunLog(),
      clock,
      metrics: createPollMetrics(registry),
      log: recordingLog().log,
      signal: new AbortController().signal,
      poll: async () => {
        polled.push(clock.now());
        await poll(runner);
      },
      nextAt: () => undefined,
    });
    return { runner, clock, states, polled, registry, start: clock.now() };
  }

  it('is kept by the producer that takes the endpoint over, or comes back; ticks meanwhile are left out', async () => {
    const { runner, clock, polled, registry, start } = setUp();
    runner.resume({ ...stored, notBefore: start + 3_000 });
    const first = runner.tick();
    await clock.advance(1_000);
    expect(await runner.tick()).toBeUndefined();
    expect(runner.isBusy).toBe(false);
    await clock.advance(1_999);
    expect(polled).toEqual([]);
    await clock.advance(1);
    expect(await first).toMatchObject({ durationMs: 0 });
    expect(polled).toEqual([start + 3_000]);
    expect(await registry.metrics()).toMatch(/tributary_poll_skipped_ticks_total\{[^}]*\} 1/);
  });

  it('holds a run that a person asks for too, but not one after a person says that the fault is mended', async () => {
    const { runner, clock, polled, start } = setUp();
    runner.resume({ ...stored, notBefore: start + 3_000 });
    const asked = runner.run();
    await clock.advance(10);
    expect(polled).toEqual([]);
    runner.abort(new RetryableError('restarted', 'a person asked'));
    await asked;
    runner.forgive();
    await runner.run();
    expect(polled.at(-1)).toBe(start + 10);
  });

  it('is stored as soon as it is known, while the poll waits for its end', async () => {
    const found: (number | undefined)[] = [];
    const { runner, states, start } = setUp(async (running) => {
      running.pause(start + 60_000);
      found.push((await states.load(endpoint))?.notBefore);
    });
    runner.resume(stored);
    await runner.run();
    expect(found).toEqual([start + 60_000]);
  });

  it.each([-3_600_000, 3_600_000])(
    'ends when it was to end, however the time of day is set meanwhile: by %i ms',
    async (step) => {
      const { runner, clock, start } = setUp();
      runner.resume(stored);
      runner.pause(start + 60_000);
      clock.set(start + step);
      await clock.advance(59_999);
      expect(runner.notBefore).toBe(start + step + 60_000);
      await clock.advance(1);
      expect(runner.notBefore).toBeUndefined();
    },
  );

  it('is no longer than the longest wait that is heeded, whatever clock has stored it', async () => {
    const { runner, start } = setUp();
    runner.resume({ ...stored, notBefore: start + 1_000 * 3_600_000 });
    expect(runner.notBefore).toBe(start + endpoint.config.maxRetryAfter);
  });

  it('is over when it is past', async () => {
    const { runner, polled, start } = setUp();
    runner.resume({ ...stored, notBefore: start - 1 });
    await runner.tick();
    expect(polled).toEqual([start]);
    expect(runner.notBefore).toBeUndefined();
  });
});

describe('a pause that outlives the process', () => {
  const busy = () => startApi((_request, response) => response.writeHead(429, { 'retry-after': '600' }).end());

  it('is heeded by the next single round, which does not wait for so long', async () => {
    const api = await busy();
    const first = await setUpProducer({ crm: { url: api.url } });
    await first.producer.start();
    await first.producer.pollOnce();
    const marks = await first.producer.marks();
    const second = await setUpProducer({ crm: { url: api.url } }, { marks: JSON.parse(JSON.stringify(marks)) });
    await second.producer.start();
    expect(await second.producer.pollOnce()).toMatchObject([
      { endpoint: 'crm', error: expect.stringContaining('not asked: the API asked before not to be asked until 20') },
    ]);
    expect(api.asked).toHaveLength(1);
    const other = await setUpProducer({ crm: { url: `${api.url}/other` } }, { marks });
    await other.producer.start();
    await other.producer.pollOnce();
    expect(api.asked).toHaveLength(1);
  });

  it('is heeded by the schedule, which begins at the marks too', async () => {
    const api = await startApi((_request, response) => json(response, [record]));
    const settings = { crm: { url: api.url, incremental: { parameter: 'since' }, schedule: { every: '1s' } } };
    const first = await setUpProducer(settings);
    await first.producer.start();
    await first.producer.pollOnce();
    const marks = await first.producer.marks();
    expect(marks.paused).toBeUndefined();
    const second = await setUpProducer(settings, { marks, schedule: true });
    await second.producer.start();
    await vi.waitFor(() => expect(api.asked.length).toBeGreaterThan(1));
    expect(api.paths.slice(0, 2)).toEqual(['/', '/?since=2026-03-01T10%3A59%3A55.000Z']);
  });
});
