import { createLogger } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import type { SessionEnd } from '../../src/session/ending.js';
import { runSessions } from '../../src/session/sessions.js';
import { tellIfSlow } from '../../src/session/slow.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { newMetrics } from '../support/records.js';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly reason?: string;
}

/** A logger of the real kind whose lines can be read. */
function recordingLog() {
  const lines: Line[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Line);
  return { log: createLogger({ service: 'consumer', instance: 'test', level: 'info' }, { write }), lines };
}

/** Sessions that end as `next` says, by a clock of the test's own. */
function begin(next: () => Promise<SessionEnd>) {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const stop = new AbortController();
  const problems = new Map<string, string | undefined>();
  const began: number[] = [];
  const ended = runSessions({
    session() {
      began.push(clock.monotonic());
      return next();
    },
    instance: 'test',
    sink: new PlainSink(),
    untilRedis: async () => {},
    clock,
    log,
    metrics: newMetrics(),
    onProblem: (what, problem) => problems.set(what, problem),
    onEnd: () => {},
    stop: stop.signal,
  });
  const told = () => lines.filter(({ level, msg }) => level === 'warn' && msg.includes('beginning again'));
  return { clock, began, problems, told, stop, ended };
}

describe('sessions that end as soon as they begin', () => {
  test('are begun again within 10 s, however long the cause lasts, and are logged once', async () => {
    let reason = 'topology_conflict';
    const { clock, began, problems, told, stop, ended } = begin(async () => ({ after: 'failed', reason }));
    await settled();
    await clock.advance(300_000);
    const waits = began.slice(1).map((at, index) => at - (began[index] ?? 0));
    expect(Math.max(...waits)).toBeLessThan(10_000);
    // Not in haste either: each costs the deliveries one of their attempts.
    expect(began.length).toBeLessThan(60);
    expect(problems.get('session')).toBe('not consuming: failed: topology_conflict');
    expect(told()).toHaveLength(1);
    reason = 'another one';
    await clock.advance(20_000);
    expect(problems.get('session')).toBe('not consuming: failed: another one');
    expect(told().map((line) => line.reason)).toEqual(['topology_conflict', 'another one']);
    stop.abort();
    await ended;
  });
});

describe('a step before a session consumes', () => {
  const options = () => {
    const [clock, { log, lines }, stop, said] = [
      new FakeClock(),
      recordingLog(),
      new AbortController(),
      [] as string[],
    ];
    return { clock, log, lines, stop: stop.signal, said, onSlow: (words: string) => void said.push(words) };
  };

  test('is told once within 10 s if it takes long, and goes on', async () => {
    const { said, lines, clock, ...rest } = options();
    let answer = (_text: string) => {};
    const step = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const waiting = tellIfSlow(step, 'the queue has no leader', { ...rest, clock });
    await clock.advance(10_000);
    expect(said).toEqual(['the queue has no leader']);
    answer('open');
    expect(await waiting).toBe('open');
    await clock.advance(60_000);
    expect(said).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  test('is not told if it is done, or if it fails', async () => {
    const { said, clock, ...rest } = options();
    await tellIfSlow(Promise.resolve(), 'done', { ...rest, clock });
    await expect(tellIfSlow(Promise.reject(new Error('refused')), 'failed', { ...rest, clock })).rejects.toThrow(
      'refused',
    );
    await clock.advance(60_000);
    expect(said).toEqual([]);
    expect(clock.sleepers).toBe(0);
  });
});
