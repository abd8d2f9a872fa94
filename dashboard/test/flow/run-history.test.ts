import { describe, expect, it } from 'vitest';
import type { EndpointState } from '../../src/flow/endpoints.js';
import { parseMetrics } from '../../src/flow/metrics-text.js';
import { RunHistory } from '../../src/flow/run-history.js';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 5) + seconds * 1_000).toISOString();
const state = (run: number, more: Partial<EndpointState> = {}): EndpointState => ({
  endpoint: 'crm',
  state: 'waiting',
  run,
  producer: 'p1',
  lastRun: { startedAt: at(run * 60), endedAt: at(run * 60 + 1), records: 5, published: 2 },
  nextRun: null,
  failures: 0,
  ...more,
});
const counted = (pages: number, retries: number) => [
  {
    metrics: parseMetrics(
      `tributary_poll_pages_total{endpoint="crm"} ${pages}\ntributary_poll_retries_total{endpoint="crm",code="x"} ${retries}\n`,
    ),
  },
];

describe('the runs that were seen', () => {
  it('are noted once each, the newest first, with the pages and retries between two of them', () => {
    const history = new RunHistory();
    history.take([state(1)], counted(10, 1));
    history.take([state(1)], counted(10, 1));
    history.take([state(2)], counted(13, 5));
    expect(history.of('crm')).toMatchObject([
      { run: 2, startedAt: at(120), records: 5, published: 2, pages: 3, retries: 4, producer: 'p1', error: null },
      { run: 1, pages: null, retries: null },
    ]);
    expect(history.of('other')).toEqual([]);
  });

  it('tell no pages where they may be of another run: one was missed, the next has begun, or the producer began anew', () => {
    const history = new RunHistory();
    const pages = () => history.of('crm')[0]?.pages;
    history.take([state(1)], counted(10, 0));
    history.take([state(3)], counted(16, 0));
    expect(pages()).toBeNull();
    history.take([state(4, { state: 'polling' })], counted(20, 0));
    expect(pages()).toBeNull();
    history.take([state(5)], counted(24, 0));
    expect(pages()).toBeNull();
    history.take([state(6)], counted(2, 0));
    expect(pages()).toBeNull();
    history.take([state(7)], counted(4, 0));
    expect(pages()).toBe(2);
  });

  it('tell why they failed, and are five hundred at most', () => {
    const history = new RunHistory();
    for (let run = 1; run <= 520; run++) {
      history.take([state(run, { lastRun: { endedAt: at(run), error: 'the API answered 503' } })], counted(0, 0));
    }
    expect(history.of('crm')).toHaveLength(500);
    expect(history.of('crm')[0]).toMatchObject({ run: 520, startedAt: at(520), error: 'the API answered 503' });
  });
});
