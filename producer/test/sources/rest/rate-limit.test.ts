import { describe, expect, it, vi } from 'vitest';
import { Gate } from '../../../src/sources/gate.js';
import type { Source } from '../../../src/sources/port.js';
import { memoryTokenStores } from '../../../src/sources/rest/auth/token-store.js';
import { Dispatchers } from '../../../src/sources/rest/dispatchers.js';
import { Pauses } from '../../../src/sources/rest/pauses.js';
import { isRateLimit, waitAsked } from '../../../src/sources/rest/rate-limit.js';
import { RestSource } from '../../../src/sources/rest/rest.js';
import { json, startApi } from '../../support/api.js';
import { ManualClock } from '../../support/manual-clock.js';
import { endpointWith, pipelineWith } from '../../support/pipeline.js';
import { recordsOf, sourceWith } from '../../support/source.js';

const arrivedAt = Date.parse('2026-03-01T12:00:00Z');
const inSeconds = (seconds: number) => String(arrivedAt / 1_000 + seconds);
const answer = (status: number, headers: Record<string, string>) => ({ status, headers, arrivedAt });

describe('an answer', () => {
  it.each([
    ['429', 429, {}, true],
    ['403 alone', 403, {}, false],
    ['403 with Retry-After', 403, { 'retry-after': '60' }, true],
    ['403 with nothing left', 403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' }, true],
    ['403 with the reset of a limit alone', 403, { 'ratelimit-reset': '60' }, true],
    ['403 with requests left', 403, { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '60' }, false],
    ['403 with nothing left of one of two limits', 403, { 'x-ratelimit-remaining': '10, 0' }, true],
    ['403 with the header of the newer drafts', 403, { ratelimit: '"default";r=0;t=30' }, true],
    ['403 with that header, and requests left', 403, { ratelimit: '"default";r=5;t=30' }, false],
    ['401 with nothing left', 401, { 'x-ratelimit-remaining': '0' }, false],
  ])('says that too much was asked for, or not: %s', (_what, status, headers, is) => {
    expect(isRateLimit(answer(status, headers))).toBe(is);
  });

  it.each([
    ['seconds', 429, { 'retry-after': '7' }, 7_000],
    ['a date', 503, { 'retry-after': 'Sun, 01 Mar 2026 12:00:30 GMT' }, 30_000],
    [
      'a date, by the clock of the server',
      503,
      { date: 'Sun, 01 Mar 2026 11:50:00 GMT', 'retry-after': 'Sun, 01 Mar 2026 11:50:30 GMT' },
      30_000,
    ],
    ['a reset in seconds', 429, { 'ratelimit-reset': '12' }, 12_000],
    ['a reset in fractions of seconds', 429, { 'x-ratelimit-reset-after': '1.25' }, 1_250],
    ['a reset as a time', 403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(40) }, 40_000],
    ['a reset as a time in milliseconds', 429, { 'x-rate-limit-reset': String(arrivedAt + 900) }, 900],
    ['a reset as a date', 429, { 'x-ratelimit-reset': '2026-03-01T12:01:00Z' }, 60_000],
    [
      'a reset by the clock of the server',
      429,
      { date: 'Sun, 01 Mar 2026 12:00:20 GMT', 'x-ratelimit-reset': inSeconds(40) },
      20_000,
    ],
    ['the header of the newer drafts', 429, { ratelimit: '"default";r=0;t=30' }, 30_000],
    ['the header of the older drafts', 429, { ratelimit: 'limit=100, remaining=0, reset=50' }, 50_000],
    ['Retry-After rather than a reset', 429, { 'retry-after': '3', 'ratelimit-reset': '50' }, 3_000],
    ['no more than the bound', 429, { 'retry-after': '86400' }, 3_600_000],
    [
      'no more than the bound, by a reset',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(90_000) },
      3_600_000,
    ],
    ['nothing, as requests are left', 429, { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': inSeconds(40) }, 0],
    ['nothing, as the reset is past', 429, { 'x-ratelimit-reset': inSeconds(-5) }, 0],
    ['nothing that can be read', 429, { 'x-ratelimit-reset': 'soon' }, 0],
    ['nothing, as a server in trouble has no limit', 500, { 'x-ratelimit-reset': '30' }, 0],
  ])('asks to wait: %s', (_what, status, headers, wait) => {
    expect(waitAsked(answer(status, headers), 3_600_000)).toBe(wait);
  });
});

describe('an endpoint whose API limits its rate by 403', () => {
  it.each([
    ['Retry-After', { 'retry-after': '10' }],
    ['a reset in seconds', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '10' }],
    ['the reset of the draft', { 'ratelimit-reset': '10' }],
  ])('waits, and asks again (%s)', async (_form, headers) => {
    const api = await startApi((_request, response, number) =>
      number === 0 ? response.writeHead(403, headers).end() : json(response, [1]),
    );
    const { read, clock, retries } = sourceWith({ url: api.url });
    const reading = read();
    await vi.waitFor(() => expect(clock.slept).toEqual([10_001]));
    expect(api.asked).toHaveLength(1);
    await clock.advance(10_001);
    expect(recordsOf(await reading)).toEqual([1]);
    expect(retries).toEqual(['rate_limited']);
  });

  it.each([
    ['without such headers', {}],
    ['with requests left', { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '10' }],
    ['with requests left of the draft', { 'ratelimit-remaining': '9', 'ratelimit-reset': '10' }],
  ])('is refused by one %s', async (_what, headers) => {
    const api = await startApi((_request, response) => response.writeHead(403, headers).end());
    await expect(sourceWith({ url: api.url }).read()).rejects.toMatchObject({ name: 'FatalError', code: 'http_403' });
    expect(api.asked).toHaveLength(1);
  });

  it('says until when it is asked to wait', async () => {
    const api = await startApi((_request, response) =>
      response.writeHead(403, { 'retry-after': '60' }).end('slow down'),
    );
    const { read, clock } = sourceWith({ url: api.url, retries: 0 });
    await expect(read()).rejects.toMatchObject({
      code: 'rate_limited',
      message: expect.stringContaining(
        'answered 403, a rate limit: "slow down"; it asks to wait until 2026-03-01T12:01:00',
      ),
      notBefore: clock.now() + 60_000,
    });
  });
});

describe('a run that is asked to wait for long', () => {
  const limited = { 'retry-after': '1800' };

  it('ends if it has read nothing', async () => {
    const api = await startApi((_request, response) => response.writeHead(429, limited).end());
    const { read, retries, clock } = sourceWith({ url: api.url });
    await expect(read()).rejects.toMatchObject({ code: 'http_429', notBefore: clock.now() + 1_800_000 });
    expect([api.asked.length, retries]).toEqual([1, []]);
  });

  it('waits if it has read pages, which would have to be read again', async () => {
    const api = await startApi(({ url }, response, number) => {
      if (number === 1) return response.writeHead(429, limited).end();
      json(response, { data: [number], next: url.searchParams.has('cursor') ? null : 'two' });
    });
    const { read, clock } = sourceWith({ url: api.url, items: '$.data', paging: { type: 'cursor', next: '$.next' } });
    const reading = read();
    await vi.waitFor(() => expect(clock.slept).toEqual([1_800_001]));
    await clock.advance(1_800_001);
    expect(recordsOf(await reading)).toEqual([0, 2]);
  });

  it('waits no longer than maxRetryAfter', async () => {
    const api = await startApi((_request, response, number) =>
      number === 0 ? response.writeHead(429, limited).end() : json(response, [1]),
    );
    const { read, clock } = sourceWith({ url: api.url, maxRetryAfter: '2s' });
    const reading = read();
    await vi.waitFor(() => expect(clock.slept).toEqual([2_001]));
    await clock.advance(2_001);
    expect(recordsOf(await reading)).toEqual([1]);
  });
});

describe('a rate limit that one endpoint meets', () => {
  /** Endpoints of one producer, and how to read them. */
  function setUp(endpoints: Record<string, object>) {
    const clock = new ManualClock();
    const dispatchers = new Dispatchers();
    const shared = {
      gate: new Gate(pipelineWith({}).limits, clock),
      pauses: new Pauses(clock),
      tokens: memoryTokenStores(),
      clock,
      random: () => 0,
    };
    const pauses: number[] = [];
    const sources = Object.entries(endpoints).map(([id, settings]): [string, Source] => {
      const { config, ...endpoint } = endpointWith({ retries: 0, ...settings });
      const dispatcher = dispatchers.for(config);
      const events = { onRetry: () => {}, onDoubt: () => {}, onPause: (until: number) => void pauses.push(until) };
      return [id, new RestSource({ ...endpoint, config }, { ...shared, ...events, dispatcher })];
    });
    const { signal } = new AbortController();
    const read = async (id: string) => {
      const found: unknown[] = [];
      for await (const page of new Map(sources).get(id)?.pages({ validators: [], signal }) ?? [])
        found.push(...page.records);
      return found;
    };
    return { clock, read, pauses, start: clock.now() };
  }

  it('holds back every endpoint with the same credentials at the same host, and no other', async () => {
    const answerOf = (api: { limit: boolean }) =>
      startApi(({ path, headers }, response) => {
        if (api.limit && path === '/a' && headers.authorization === 'Bearer one-1')
          response.writeHead(429, { 'retry-after': '20' }).end();
        else json(response, [path]);
      });
    const state = { limit: true };
    const [api, other] = [await answerOf(state), await answerOf(state)];
    const one = { auth: { type: 'bearer', token: 'one-1' } };
    const two = { auth: { type: 'bearer', token: 'two-2' } };
    const { read, clock, pauses, start } = setUp({
      a: { url: `${api.url}/a`, ...one },
      b: { url: `${api.url}/b`, ...one },
      c: { url: `${api.url}/c`, ...two },
      d: { url: `${other.url}/d`, ...one },
    });
    await expect(read('a')).rejects.toMatchObject({ code: 'http_429' });
    expect(await read('c')).toEqual(['/c']);
    expect(await read('d')).toEqual(['/d']);
    const reading = read('b');
    await vi.waitFor(() => expect(pauses).toEqual([start + 20_000]));
    await clock.advance(19_999);
    expect(api.paths).toEqual(['/a', '/c']);
    await clock.advance(1);
    expect(await reading).toEqual(['/b']);
  });

  it('ends the runs of the others if it is long, without a request', async () => {
    const api = await startApi((_request, response) => response.writeHead(429, { 'retry-after': '1800' }).end());
    const { read, start } = setUp({ a: { url: `${api.url}/a` }, b: { url: `${api.url}/b`, retries: 3 } });
    await expect(read('a')).rejects.toMatchObject({ code: 'http_429' });
    await expect(read('b')).rejects.toMatchObject({
      code: 'rate_limited',
      message: expect.stringContaining('not asked: the server asks all requests with these credentials to wait until'),
      notBefore: start + 1_800_000,
    });
    expect(api.paths).toEqual(['/a']);
  });
});

describe('an answer that names a time to come again', () => {
  it.each([
    [202, 'http_202'],
    [413, 'http_413'],
    [503, 'http_503'],
  ])('is waited for though its status is %i', async (status, code) => {
    const api = await startApi((_request, response, number) => {
      if (number > 0) return json(response, [{ id: 1 }]);
      response.writeHead(status, { 'retry-after': '60' }).end('{}');
    });
    const { read, retries, clock } = sourceWith({ url: api.url });
    const reading = read();
    await vi.waitFor(() => expect(clock.slept.at(-1)).toBeGreaterThan(50_000));
    await clock.advance(70_000);
    expect(recordsOf(await reading)).toEqual([{ id: 1 }]);
    expect(retries).toEqual([code]);
  });
});
