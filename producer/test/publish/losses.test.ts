import type { HeldOfQueue, OpenPublication, Publications, QueueLook } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { type Loss, LossWatch } from '../../src/publish/losses.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';

const QUIET: QueueLook = { ready: 0, consumers: 1 };

const holding = (records: number, oldest = 0): HeldOfQueue => ({ records, oldest, after: 0, numbers: {} });

function setUp(open: readonly OpenPublication[], held: readonly number[] = [0], oldest = 0, look = QUIET) {
  const losses: Loss[] = [];
  const publications: Publications = {
    note: async () => 1,
    open: async () => open,
    recount: async (publications) => open.filter(({ token }) => publications.some((one) => one.token === token)),
    forget: async () => {},
    held: async () => ({ living: new Map([['q', held.map((records) => holding(records, oldest))]]), ended: new Set() }),
    drawn: 1,
    draw: async () => 1,
  };
  const clock = new ManualClock();
  const looks = new Map([['q', look]]);
  const watch = new LossWatch({
    publications,
    depths: { look: async () => looks },
    clock,
    log: recordingLog().log,
    isMine: () => true,
    onLoss: async (loss) => {
      losses.push(loss);
    },
  });
  return { watch, losses, clock, publications, looks };
}

const publication = (token: string, seq: number, since: string | undefined, settled = 0): OpenPublication => ({
  token,
  endpoint: 'crm',
  counts: { q: 10 },
  settled: { q: settled },
  seq,
  after: seq - 1,
  ...(since === undefined ? {} : { since }),
});

describe('the watch for losses', () => {
  it('asks for all that was lost, though a later run began further back', async () => {
    const { watch, losses } = setUp([publication('a', 1, '9'), publication('b', 2, '5')]);
    for (let look = 0; look < 3; look++) await watch.look();
    expect(losses).toEqual([{ endpoint: 'crm', records: { q: 20 }, since: ['9', '5'] }]);
  });

  it('asks for everything if one of the lost runs read everything', async () => {
    const { watch, losses } = setUp([publication('a', 1, '9'), publication('b', 2, undefined)]);
    for (let look = 0; look < 3; look++) await watch.look();
    expect(losses[0]?.since).toBeUndefined();
  });

  it.each([
    { what: 'takes nothing for lost that a consumer holds which takes no more', held: [3], isLost: false },
    { what: 'takes for lost what an empty queue without consumers does not have', held: [], isLost: true },
  ])('$what', async ({ held, isLost }) => {
    const { watch, losses } = setUp([publication('a', 1, '5', 7)], held, 0, { ready: 0, consumers: 0 });
    for (let look = 0; look < 5; look++) await watch.look();
    expect(losses.length > 0).toBe(isLost);
  });

  it('tells of a consumer that is none of the pipeline, or hangs, once it has been there for a while', async () => {
    const open = [publication('a', 1, '9')];
    const { watch, losses, clock } = setUp(open, [0], 0, { ready: 0, consumers: 2 });
    await watch.look();
    expect(watch.problem).toBeUndefined();
    await clock.advance(10_000);
    await watch.look();
    expect(watch.problem).toMatch(/of 2 consumers of queue "q", 1 is none of this pipeline's, or hangs/);
    expect(losses).toEqual([]);
    open.splice(0);
    await watch.look();
    expect(watch.problem).toBeUndefined();
  });

  const HOUR = 3_600_000;
  it.each([
    { what: 'takes for lost what later messages have overtaken', oldest: 0, lost: 1 },
    { what: 'not if a consumer holds something for long, which it cannot write or bury', oldest: HOUR, lost: 0 },
  ])('$what', async ({ oldest, lost }) => {
    const { watch, losses, clock } = setUp([publication('a', 0, '5'), publication('b', 1, '9', 10)], [3], oldest);
    await watch.look();
    expect(losses).toEqual([]);
    await clock.advance(HOUR / 2);
    await watch.look();
    expect(losses).toHaveLength(lost);
  });

  it('takes for lost what is missing of a publication that goes on and on, and nothing that is only on its way', async () => {
    const grown = (count: number, settled: number): OpenPublication => ({
      ...publication('a', count, '5', settled),
      counts: { q: count },
    });
    let now = grown(10, 7);
    const { watch, losses, publications } = setUp([now]);
    publications.open = async () => [now];
    // The messages of each look are settled in the next one, except three of the first.
    publications.recount = async (all) => all.map((one) => ({ ...one, settled: { q: (one.counts.q ?? 0) - 3 } }));
    for (let look = 1; look < 6; look++) {
      await watch.look();
      now = grown(10 + look, 6 + look);
    }
    expect(losses[0]).toEqual({ endpoint: 'crm', records: { q: 3 }, since: ['5'] });
  });

  it('tells how many messages of other programs the queue held beside those that were lost', async () => {
    const { watch, losses, looks } = setUp([publication('a', 1, '5')]);
    looks.set('q', { ready: 25, consumers: 1 });
    await watch.look();
    looks.set('q', QUIET);
    for (let look = 0; look < 3; look++) await watch.look();
    expect(losses).toMatchObject([{ records: { q: 10 }, others: 15 }]);
    // What lay there longer ago may have been consumed.
    for (let look = 0; look < 3; look++) await watch.look();
    expect(losses.at(-1)?.others).toBeUndefined();
  });
});
