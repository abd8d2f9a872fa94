import { type OpenPublication, oldestOf, type Publications, type QueueLook } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { type Loss, LossWatch } from '../../src/publish/losses.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';

const QUIET: QueueLook = { ready: 0, consumers: 1 };

function setUp(open: readonly OpenPublication[], held: readonly number[] = [0], oldest = 0) {
  const losses: Loss[] = [];
  const publications: Publications = {
    note: async () => {},
    open: async () => open,
    forget: async () => {},
    held: async () =>
      new Map([
        ['q', held],
        [oldestOf('q'), [oldest]],
      ]),
  };
  const clock = new ManualClock();
  const watch = new LossWatch({
    publications,
    depths: { look: async (queues) => new Map(queues.map((queue) => [queue, QUIET])) },
    clock,
    log: recordingLog().log,
    isMine: () => true,
    onLoss: async (loss) => {
      losses.push(loss);
    },
  });
  return { watch, losses, clock };
}

const publication = (token: string, at: number, since: string | undefined, settled = 0): OpenPublication => ({
  token,
  endpoint: 'crm',
  run: 1,
  counts: { q: 10 },
  settled: { q: settled },
  at,
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

  const HOUR = 3_600_000;
  it.each([
    { what: 'takes for lost what later messages have overtaken', oldest: 0, lost: 1 },
    { what: 'not if a consumer holds something for long, which it cannot write or bury', oldest: HOUR, lost: 0 },
  ])('$what', async ({ oldest, lost }) => {
    const { watch, losses, clock } = setUp([publication('a', 0, '5'), publication('b', 1, '9', 10)], [3], oldest);
    expect(clock.now()).toBeGreaterThan(HOUR);
    await watch.look();
    expect(losses).toHaveLength(lost);
  });
});
