import { describe, expect, it } from 'vitest';
import { Gate, type Priority } from '../../src/sources/gate.js';
import { ManualClock } from '../support/manual-clock.js';
import { pipelineWith } from '../support/pipeline.js';

const here = new URL('http://here.example/a');
const there = new URL('http://there.example/a');
const { signal } = new AbortController();

/** A gate, and work that ends when the test says so. */
function setUp(limits: object) {
  const clock = new ManualClock();
  const gate = new Gate(pipelineWith({ there: { url: there.href } }, { limits }).limits, clock);
  const begun: string[] = [];
  const endings = new Map<string, () => void>();
  const ask = (name: string, url = here, priority: Priority = 'normal', stop = signal) =>
    gate.pass(url.host, priority, stop, () => {
      begun.push(name);
      return new Promise<string>((resolve) => endings.set(name, () => resolve(name)));
    });
  const end = async (name: string) => {
    endings.get(name)?.();
    await clock.advance(0);
  };
  /** What waits only for promises has gone on. */
  const settled = () => clock.advance(0);
  return { gate, clock, begun, ask, end, settled };
}

describe('the gate of requests', () => {
  it('lets the configured number run at a time, and the next when one has ended', async () => {
    const { gate, begun, ask, end, settled } = setUp({ concurrency: 2 });
    for (const name of ['a', 'b', 'c']) void ask(name);
    await settled();
    expect([begun, gate.load]).toEqual([['a', 'b'], { running: 2, waiting: 1 }]);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('lets the configured number run for one host, and others for other hosts meanwhile', async () => {
    const { begun, ask, end, settled } = setUp({
      perHost: { concurrency: 1 },
      hosts: { 'there.example': { concurrency: 2 } },
    });
    for (const name of ['a', 'b']) void ask(name);
    for (const name of ['c', 'd', 'e']) void ask(name, there);
    await settled();
    expect(begun).toEqual(['a', 'c', 'd']);
    await end('a');
    expect(begun).toEqual(['a', 'c', 'd', 'b']);
  });

  it('spreads the requests to a host over the second', async () => {
    const { clock, begun, ask } = setUp({ perHost: { requestsPerSecond: 4 } });
    for (const name of ['a', 'b', 'c']) void ask(name);
    await clock.advance(249);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'b']);
    await clock.advance(250);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('lets the more important go first, and of equals the one that came first', async () => {
    const { begun, ask, end, settled } = setUp({ concurrency: 1 });
    void ask('first');
    void ask('low', here, 'low');
    void ask('normal');
    void ask('normal too');
    void ask('critical', there, 'critical');
    void ask('high', here, 'high');
    await settled();
    for (const name of ['first', 'critical', 'high', 'normal', 'normal too', 'low']) await end(name);
    expect(begun).toEqual(['first', 'critical', 'high', 'normal', 'normal too', 'low']);
  });

  it('lets no request wait forever: after half a minute the least important goes first', async () => {
    const { clock, begun, ask, end } = setUp({ concurrency: 1 });
    void ask('first');
    void ask('low', here, 'low');
    await clock.advance(30_000);
    void ask('critical', here, 'critical');
    await end('first');
    expect(begun).toEqual(['first', 'low']);
  });

  it('forgets requests that were aborted, and makes room after work that failed', async () => {
    const { gate, begun, ask, settled } = setUp({ concurrency: 1 });
    await expect(
      gate.pass(here.host, 'normal', signal, async () => await Promise.reject(new Error('down'))),
    ).rejects.toThrow('down');
    void ask('a');
    await settled();
    const stop = new AbortController();
    const waiting = ask('b', here, 'normal', stop.signal);
    stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
    expect([begun, gate.load]).toEqual([['a'], { running: 1, waiting: 0 }]);
    await expect(ask('c', here, 'normal', stop.signal)).rejects.toThrow('stopping');
  });

  it.each([-3_600_000, 3_600_000])('keeps its pace when the time of day is set by %i ms', async (step) => {
    const { clock, begun, ask } = setUp({ perHost: { requestsPerSecond: 1 } });
    for (const name of ['a', 'b']) void ask(name);
    await clock.advance(500);
    clock.set(clock.now() + step);
    for (const name of ['c']) void ask(name);
    await clock.advance(499);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'b']);
    await clock.advance(1_000);
    expect(begun).toEqual(['a', 'b', 'c']);
  });
});
