import { createRegistry, FatalError, memoryRunLog } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { createPollMetrics } from '../../src/metrics.js';
import type { PollProgress } from '../../src/poll/progress.js';
import { createIds } from '../../src/publish/ids.js';
import { messageMaker } from '../../src/publish/messages.js';
import { Runner } from '../../src/schedule/runner.js';
import { memoryStateStore } from '../../src/schedule/states.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';
import { endpointWith } from '../support/pipeline.js';

const endpoint = endpointWith({ url: 'http://127.0.0.1:1/' });

/** A runner whose polls are what the test says they are. */
function setUp(poll: (progress: PollProgress, clock: ManualClock) => Promise<void>) {
  const clock = new ManualClock();
  const runs = memoryRunLog();
  const stop = new AbortController();
  const runner = new Runner({
    endpoint,
    instance: 'p1',
    states: memoryStateStore(),
    runs,
    clock,
    metrics: createPollMetrics(createRegistry('test')),
    log: recordingLog().log,
    signal: stop.signal,
    poll: (progress) => poll(progress, clock),
    nextAt: () => undefined,
  });
  return { runner, runs, clock, stop };
}

/** One record, fetched. */
function fetchOne(progress: PollProgress): void {
  const page = { records: [{ id: 'a' }], fetchedAt: 0, serverTime: undefined, validator: undefined };
  progress.page({ ...page, notModified: false, counted: false });
  progress.accepts(messageMaker(endpoint, 1, createIds())({ id: 'a' }, 0));
}

const refusedByRedis = Object.assign(new Error("NOPERM User has no permissions to run the 'incr' command"), {
  name: 'ReplyError',
});

describe('an endpoint that is polled while the pipeline itself is hindered', () => {
  it.each([
    [
      'RabbitMQ does not take its records',
      new FatalError('topology_conflict', 'the queue exists with other arguments'),
    ],
    ['Redis refuses a command', refusedByRedis],
  ])('because %s is polled on, so that it is not left alone for minutes once that is mended', async (_, failure) => {
    const { runner, clock } = setUp(async () => {
      throw failure;
    });
    for (let run = 0; run < 20; run++) expect(await runner.tick()).toBeDefined();
    expect(runner.state).toMatchObject({ circuit: 'closed', failures: 0, endedAt: clock.now() });
  });
});

describe('the log of runs', () => {
  it('holds a run that brought records: its number, its times, how many the broker confirmed', async () => {
    const { runner, runs, clock } = setUp(async (progress, time) => {
      progress.begin(7, { confirmed: 1 }, time.now() + 2);
      fetchOne(progress);
      await time.advance(10);
      progress.confirmed(time.now());
      await time.advance(5);
    });
    const startedAt = clock.now();
    await runner.run();
    const found = await runs.find('crm', startedAt + 5);
    expect(found.run).toEqual({
      run: 7,
      producer: 'p1',
      startedAt,
      idsFrom: startedAt + 2,
      confirmedAt: startedAt + 10,
      endedAt: startedAt + 15,
      published: 1,
      error: undefined,
    });
  });

  it('holds runs that failed or were cut short, since records that they published are under way', async () => {
    const { runner, runs, clock, stop } = setUp(async (progress, time) => {
      progress.begin(8, { confirmed: 1 }, time.now());
      fetchOne(progress);
      stop.abort(new Error('stopping'));
      throw new Error('no more');
    });
    await runner.run();
    expect((await runs.find('crm', clock.now())).run).toMatchObject({ run: 8, published: 1, confirmedAt: undefined });
  });

  it('leaves out one that brought nothing, which no record is of', async () => {
    const { runner, runs, clock } = setUp(async (progress, time) => progress.begin(9, { confirmed: 0 }, time.now()));
    await runner.run();
    expect(await runs.find('crm', clock.now())).toEqual({ run: undefined, since: undefined });
  });
});
