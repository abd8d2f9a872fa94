import { ReleaseList } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import type { Bench } from '../src/bench.js';
import type { Figure, Measured } from '../src/figure.js';
import { measure } from '../src/run.js';
import { Servers } from '../src/servers.js';

describe('measuring a figure', () => {
  const figureThat = (work: (bench: Bench) => Promise<Measured>): Figure => ({
    name: 'figure',
    unit: 'records/s',
    sentence: '',
    measure: work,
  });
  const benchUntil = (signal: AbortSignal): Bench => {
    const release = new ReleaseList();
    const say = () => {};
    const servers = new Servers(release, say);
    return { quick: true, servers, folder: '', environment: {}, profiles: undefined, say, signal, release };
  };

  test('ends at once when the bench is stopped, and ends its programs, also if it looks at no signal', async () => {
    const stop = new AbortController();
    let programs = 0;
    const figure = figureThat(({ release }) => {
      programs += 1;
      release.add('a program', () => {
        programs -= 1;
      });
      return new Promise(() => {});
    });
    const measured = measure(benchUntil(stop.signal), figure);
    expect(programs).toBe(1);
    stop.abort(new Error('SIGTERM: the bench was stopped'));
    await expect(measured).rejects.toThrow('SIGTERM: the bench was stopped');
    expect(programs).toBe(0);
  });

  test('tells why it failed, and does not fail the others', async () => {
    const figure = figureThat(() => Promise.reject(new Error('no rows')));
    expect(await measure(benchUntil(new AbortController().signal), figure)).toEqual({
      kind: 'failed',
      reason: 'no rows',
    });
  });
});
