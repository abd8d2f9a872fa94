import { parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { type Cursor, EMPTY, memoryCursorStore } from '../../src/cursor/cursor.js';
import { versionWriter } from '../../src/poll/since.js';
import { Slices } from '../../src/poll/slices.js';
import { Walks } from '../../src/poll/walks.js';
import { endpointWith } from '../support/pipeline.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');

/** One run: the slices it asks for, and what it saves after each; it stops after so many. */
function run(settings: object, saved: Cursor, most = 100) {
  const endpoint = endpointWith({ url: 'http://api/', incremental: { parameter: 'since', ...settings } });
  const slices = new Slices(endpoint, saved, NOW);
  const asked: (string | undefined)[][] = [];
  const cursors: Cursor[] = [];
  let walks = new Walks(endpoint, saved, NOW, false);
  for (let slice = slices.first(walks.since); slice !== undefined; ) {
    asked.push([slice.since, slice.until]);
    const walk = walks.begin(NOW);
    walks.again(walk);
    cursors.push(slices.confirmed(slice, walks));
    walks = new Walks(endpoint, EMPTY, NOW, false);
    const next = asked.length < most ? slices.next() : undefined;
    if (next === undefined) break;
    slice = next;
  }
  return { asked, cursors, last: cursors.at(-1) ?? saved };
}

const window = { window: '20d', initial: '2026-01-01', untilParameter: 'until' };

describe('what a run asks for', () => {
  it('is everything, or what changed since initial, until there is a mark', () => {
    expect(run({}, EMPTY).asked).toEqual([[undefined, undefined]]);
    expect(run({ initial: '2024-05-01' }, EMPTY).asked).toEqual([['2024-05-01', undefined]]);
    const marked = { mark: '2026-02-01T00:00:00.000Z', validators: [] };
    expect(run({ initial: '2024-05-01' }, marked).asked).toEqual([['2026-01-31T23:59:55.000Z', undefined]]);
  });

  it('with a window is the newest first, then the past slice by slice', () => {
    const { asked, last } = run(window, EMPTY);
    expect(asked).toEqual([
      ['2026-02-09T11:59:55.000Z', undefined],
      ['2025-12-31T23:59:55.000Z', '2026-01-21T00:00:00.000Z'],
      ['2026-01-20T23:59:55.000Z', '2026-02-09T12:00:00.000Z'],
    ]);
    expect(last).toEqual({ mark: '2026-02-09T12:00:00.000Z', validators: [] });
  });

  it('goes on with the past where the run before was cut short, and asks for what is new before that', () => {
    const cut = run(window, EMPTY, 2);
    expect(cut.last.backfill).toEqual({ from: '2026-01-21T00:00:00.000Z', to: '2026-02-09T12:00:00.000Z' });
    const marked = { ...cut.last, mark: '2026-02-20T00:00:00.000Z' };
    expect(run(window, marked).asked).toEqual([
      ['2026-02-19T23:59:55.000Z', undefined],
      ['2026-01-20T23:59:55.000Z', '2026-02-09T12:00:00.000Z'],
    ]);
    expect(run(window, cut.cursors[0] ?? EMPTY).asked).toHaveLength(3);
  });

  it('reads slice by slice what became longer than a slice while nothing was polled', () => {
    const saved = { mark: '2026-01-10T00:00:00.000Z', validators: [] };
    expect(run(window, saved).asked).toEqual([
      ['2026-02-09T11:59:55.000Z', undefined],
      ['2026-01-09T23:59:55.000Z', '2026-01-30T00:00:00.000Z'],
      ['2026-01-29T23:59:55.000Z', '2026-02-09T12:00:00.000Z'],
    ]);
  });

  it('begins anew with another beginning or another window', () => {
    const print = (settings: object) =>
      endpointWith({ url: 'http://api/', incremental: { parameter: 'since', untilParameter: 'until', ...settings } })
        .fingerprint;
    const prints = [{ initial: '2026-01-01' }, { initial: '2025-01-01' }, { initial: '2025-01-01', window: '30d' }].map(
      print,
    );
    expect(new Set(prints).size).toBe(3);
  });

  it('is kept with the cursor', async () => {
    const store = memoryCursorStore();
    const endpoint = endpointWith({ url: 'http://api/' });
    const cursor = { mark: 'a', validators: [], backfill: { from: '2026-01-01', to: '2026-02-01' } };
    await store.save(endpoint, cursor);
    expect((await store.begin(endpoint, NOW)).cursor).toEqual(cursor);
  });
});

function written(format: string | undefined, version: string, zone?: string) {
  const incremental = { parameter: 'since', ...(format && { format }), ...(zone && { zone }) };
  return versionWriter(endpointWith({ url: 'http://api/', incremental }))(version);
}

describe('a version in a request', () => {
  it.each([
    [undefined, '2026-03-01T12:00:01.250Z'],
    ['iso', '2026-03-01T12:00:01.250Z'],
    ['date', '2026-03-01'],
    ['unix', 1772366401],
    ['unix-ms', 1772366401250],
    ['yyyy-MM-dd HH:mm', '2026-03-01 12:00'],
    ['dd/MM/yyyy', '01/03/2026'],
  ])('is written as %s', (format, expected) => {
    expect(written(format, '2026-03-01T12:00:01.250Z')).toBe(expected);
  });
});

describe('a version in a request, by the clock of a place', () => {
  it.each([
    [undefined, '2026-03-01T13:00:01.250+01:00'],
    ['date', '2026-03-01'],
    ['yyyy-MM-dd HH:mm', '2026-03-01 13:00'],
  ])('is written as %s', (format, expected) => {
    expect(written(format, '2026-03-01T12:00:01.250Z', 'Europe/Berlin')).toBe(expected);
    expect(written('date', '2026-03-01T23:30:00.000Z', 'Europe/Berlin')).toBe('2026-03-02');
  });

  it('begins at the beginning of the day there', () => {
    const settings = { format: 'yyyy-MM-dd HH:mm', zone: 'Europe/Berlin', initial: '2026-01-01' };
    expect(run(settings, EMPTY).asked).toEqual([['2025-12-31T23:00:00.000Z', undefined]]);
    expect(run({ ...settings, ...window }, EMPTY).asked[1]?.[0]).toBe('2025-12-31T22:59:55.000Z');
  });

  it('is refused for numbers, which count in UTC', () => {
    expect(() => written('unix', '', 'Europe/Berlin')).toThrow('wherever it is: leave zone out');
    expect(() => written('date', '', 'Europe/Bonn')).toThrow('expected a time zone, such as Europe/Berlin');
  });
});

describe('a form of versions', () => {
  it('is refused with what it should be', () => {
    expect(() => written('epoch', '')).toThrow(
      'expected one of iso, date, unix, unix-ms, or a pattern such as yyyy-MM-dd HH:mm',
    );
  });
});

describe('an endpoint for each of a list', () => {
  const parse = (lists: string) =>
    parsePipeline(
      `entities: { a: { dataset: a, queue: q, key: id, fields: { id: string } } }
endpoints: { orders: { url: "https://{{region}}.api.example/{{region}}/{{kind}}", entity: a, for: ${lists} } }`,
      {},
      'test',
    ).endpoints;

  it('is an endpoint of its own for each combination', () => {
    const endpoints = parse('{ region: [eu, US East], kind: [1, 2] }');
    expect(Object.keys(endpoints)).toEqual(['orders.eu.1', 'orders.eu.2', 'orders.us-east.1', 'orders.us-east.2']);
    expect(endpoints['orders.us-east.2']?.for).toEqual({ region: ['US East'], kind: ['2'] });
  });

  it('is refused without a list for each placeholder', () => {
    expect(() => parse('{ region: [eu] }')).toThrow('{{kind}} is filled by nothing');
    expect(() => parse('{ region: [], kind: [a] }')).toThrow('endpoints.orders.for.region');
  });
});
