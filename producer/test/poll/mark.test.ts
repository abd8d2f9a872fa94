import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoint.js';
import { HighWaterMark } from '../../src/poll/mark.js';
import { endpointWith } from '../support/pipeline.js';

const startedAt = Date.parse('2026-03-01T12:00:00Z');
const url = 'http://127.0.0.1:1/';
const incremental = { parameter: 'since', overlap: '5s' };

function endpointOf(type: string, settings: object = { incremental }): Endpoint {
  const fields = { id: 'string', version: type };
  const entities = { thing: { dataset: 'things', queue: 'things', key: 'id', version: 'version', fields } };
  return endpointWith({ url, entity: 'thing', ...settings }, { entities });
}

/** What is asked for with a saved mark, and the mark after a run that saw these versions. */
function runOf(endpoint: Endpoint, saved: string | undefined, ...versions: string[]) {
  const mark = new HighWaterMark(endpoint, saved, startedAt);
  for (const version of versions) mark.see(version);
  return { since: mark.since(), reached: mark.reached() };
}

describe('the high-water mark of a sequence', () => {
  const endpoint = endpointOf('integer', { incremental: { parameter: 'since', overlap: 10 } });

  it('does not pass the largest number that was there when the run began, whatever is read meanwhile', () => {
    const reached = (newest: string | undefined, saved: string | undefined, ...versions: string[]) => {
      const mark = new HighWaterMark(endpoint, saved, startedAt);
      mark.seeNewest(newest);
      for (const version of versions) mark.see(version);
      mark.seeNewest('99999');
      return mark.reached();
    };
    expect(reached('100', undefined, '99', '100', '5000')).toBe('100');
    expect(reached('100', undefined, '99')).toBe('99');
    expect(reached('100', '4000', '99', '5000')).toBe('4000');
    // The table was empty.
    expect(reached('', undefined, '1', '2')).toBeUndefined();
    expect(reached('', '7', '8')).toBe('7');
    expect(runOf(endpoint, undefined, '99', '5000').reached).toBe('5000');
  });
});

describe('the high-water mark of times', () => {
  const endpoint = endpointOf('datetime');

  it('asks for everything at first, and then for changes since the newest record less the overlap', () => {
    const first = runOf(endpoint, undefined, '2026-03-01T10:00:00.000Z', '2026-03-01T11:00:00.000Z', '');
    expect(first).toEqual({ since: undefined, reached: '2026-03-01T11:00:00.000Z' });
    expect(runOf(endpoint, first.reached).since).toBe('2026-03-01T10:59:55.000Z');
  });

  it('stays where it is when nothing came', () => {
    expect(runOf(endpoint, '2026-03-01T11:00:00.000Z').reached).toBe('2026-03-01T11:00:00.000Z');
    expect(runOf(endpoint, '2026-03-01T11:00:00.000Z', '2026-03-01T10:59:58.000Z').reached).toBe(
      '2026-03-01T11:00:00.000Z',
    );
    expect(runOf(endpoint, undefined).reached).toBeUndefined();
  });

  it('never passes the moment the run began: what changed on a page already read is found by the next run', () => {
    expect(runOf(endpoint, undefined, '2026-03-01T12:03:00.000Z').reached).toBe('2026-03-01T12:00:00.000Z');
  });

  it('does not follow a record from the far future', () => {
    const { reached } = runOf(endpoint, '2026-03-01T11:00:00.000Z', '2099-01-01T00:00:00.000Z');
    expect(reached).toBe('2026-03-01T12:00:00.000Z');
  });

  it('goes by the clock of the API where that is behind ours', () => {
    const mark = new HighWaterMark(endpoint, undefined, startedAt);
    mark.seeClock(startedAt - 30_000);
    mark.seeClock(startedAt + 60_000);
    mark.seeClock(undefined);
    mark.see('2026-03-01T11:59:50.000Z');
    expect(mark.reached()).toBe('2026-03-01T11:59:30.000Z');
  });

  it('asks for everything if the saved mark is not a time, or is far in the future', () => {
    expect(runOf(endpoint, 'yesterday').since).toBeUndefined();
    expect(runOf(endpoint, '2030-01-01T00:00:00.000Z')).toEqual({
      since: undefined,
      reached: '2026-03-01T12:00:00.000Z',
    });
  });

  it('never asks for less than what may have changed since the last run began', () => {
    const time = fc.date({ min: new Date('2026-02-01'), max: new Date('2026-04-01'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.array(time), fc.option(time, { nil: undefined }), (versions, saved) => {
        const { reached } = runOf(endpoint, saved?.toISOString(), ...versions.map((date) => date.toISOString()));
        const { since } = runOf(endpoint, reached);
        if (since !== undefined) expect(Date.parse(since)).toBeLessThanOrEqual(startedAt - 5_000);
      }),
    );
  });
});

describe('the high-water mark of whole numbers', () => {
  const endpoint = endpointOf('integer');
  const seconds = startedAt / 1_000;

  it('compares by size, not as text', () => {
    expect(runOf(endpoint, '9', '10', '2', '')).toEqual({ since: '9', reached: '10' });
  });

  it.each([
    ['seconds', 1, 5],
    ['milliseconds', 1_000, 5_000],
    ['microseconds', 1_000_000, 5_000_000],
  ])('takes the overlap, and the moment the run began, in %s', (_unit, factor, overlap) => {
    const now = seconds * factor;
    expect(runOf(endpoint, String(now - 100 * factor), String(now + 7_200 * factor))).toEqual({
      since: String(now - 100 * factor - overlap),
      reached: String(now),
    });
    expect(runOf(endpoint, String(now + 7_200 * factor)).since).toBeUndefined();
  });

  it('keeps every digit of numbers that a double would alter', () => {
    const sequence = endpointOf('integer', { incremental: { parameter: 'since_id', overlap: 0 } });
    const versions = ['1374004777531007833', '1374004777531007834', '1374004777531007832'];
    expect(runOf(sequence, undefined, ...versions).reached).toBe('1374004777531007834');
    expect(runOf(sequence, '1374004777531007834')).toEqual({
      since: '1374004777531007834',
      reached: '1374004777531007834',
    });
    const overlapping = endpointOf('integer', { incremental: { parameter: 'since_id', overlap: 10 } });
    expect(runOf(overlapping, '1374004777531007834').since).toBe('1374004777531007824');
    expect(runOf(overlapping, '7').since).toBe('0');
    // Without an overlap that says so, they pass for nanoseconds, and grow as those do.
    expect(runOf(endpoint, undefined, ...versions).reached).toBe('1374004777531007834');
  });

  it('keeps its unit when one number is far too large', () => {
    expect(runOf(endpoint, undefined, String(seconds - 60), '9000000000000000').reached).toBe(String(seconds - 60));
  });

  it('stays where it is when nothing came', () => {
    expect(runOf(endpoint, '42').reached).toBe('42');
    expect(runOf(endpoint, undefined).reached).toBeUndefined();
  });
});

describe('the high-water mark of a sequence', () => {
  const endpoint = endpointOf('integer', { incremental: { parameter: 'since', overlap: 3 } });

  it('goes back by as many as the overlap says', () => {
    expect(runOf(endpoint, '42', '45')).toEqual({ since: '39', reached: '45' });
    expect(runOf(endpoint, '2').since).toBe('0');
    expect(runOf(endpoint, undefined).reached).toBeUndefined();
  });

  it('is not taken for a time, even if its numbers are large', () => {
    expect(runOf(endpoint, '99000000000', '99000000005')).toEqual({ since: '98999999997', reached: '99000000005' });
  });
});

describe('the high-water mark', () => {
  it('of texts is the last in their order', () => {
    const byText = endpointOf('string', { incremental: { parameter: 'since' } });
    expect(runOf(byText, 'b', 'a', 'c', '')).toEqual({ since: 'b', reached: 'c' });
  });

  it('does not exist for an endpoint that is not incremental', () => {
    expect(runOf(endpointOf('datetime', {}), undefined, '2026-03-01T10:00:00.000Z')).toEqual({
      since: undefined,
      reached: undefined,
    });
  });
});
