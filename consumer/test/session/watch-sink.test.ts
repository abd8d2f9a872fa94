import { beforeEach, describe, expect, test } from 'vitest';
import { watchSink } from '../../src/session/watch-sink.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { log } from '../support/records.js';

describe('the watch over a sink', () => {
  let clock: FakeClock;
  let problems: (string | undefined)[];
  let over: AbortController;
  let epoch: () => Promise<string | undefined>;
  let looks: number;
  beforeEach(async () => {
    clock = new FakeClock();
    problems = [];
    over = new AbortController();
    looks = 0;
    epoch = async () => 'epoch';
    const sink = {
      epoch: () => {
        looks++;
        return epoch();
      },
    };
    void watchSink({ sink, clock, log, onProblem: (problem) => problems.push(problem) }, over.signal);
    await settled();
  });

  test('says nothing while it answers', async () => {
    await clock.advance(60_000);
    expect(looks).toBeGreaterThan(15);
    expect(problems).toEqual([]);
  });

  test('tells within ten seconds that it is away, and that it is back', async () => {
    epoch = () => Promise.reject(new Error('connect ECONNREFUSED'));
    await clock.advance(3_000);
    expect(problems).toEqual(['the sink does not answer: connect ECONNREFUSED']);
    epoch = async () => 'epoch';
    await clock.advance(3_000);
    expect(problems.at(-1)).toBeUndefined();
  });

  test('tells within ten seconds that it gives no answer at all, and asks it only once until it does', async () => {
    let answer = () => {};
    epoch = () =>
      new Promise((resolve) => {
        answer = () => resolve('epoch');
      });
    await clock.advance(60_000);
    expect(problems).toEqual(['the sink does not answer: no answer within 5 s']);
    expect(looks).toBe(1);
    epoch = async () => 'epoch';
    answer();
    await settled();
    expect(problems.at(-1)).toBeUndefined();
  });

  test('passes over a connection that broke while it was idle', async () => {
    epoch = () => {
      epoch = async () => 'epoch';
      return Promise.reject(new Error('Connection terminated unexpectedly'));
    };
    await clock.advance(3_000);
    expect(problems).toEqual([]);
  });

  test('ends with its session, and says nothing any more', async () => {
    epoch = () => new Promise(() => {});
    await clock.advance(4_000);
    over.abort();
    await clock.advance(60_000);
    expect(problems).toEqual([]);
    expect(clock.sleepers).toBe(0);
  });
});
