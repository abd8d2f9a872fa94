import { type Clock, describeError, ReleaseList } from '@tributary/shared';
import { Lease } from './claim/lease.js';
import { Ending, type SessionEnd } from './session/ending.js';
import type { SessionOptions } from './session/options.js';
import { openPath } from './session/path.js';
import { tellIfSlow } from './session/slow.js';
import { watchOutput } from './session/watch.js';
import { Work } from './session/work.js';
import { WriterLost } from './writer-lost.js';

/**
 * RabbitMQ closes the channel of a consumer that holds a delivery for 30 minutes (consumer_timeout), and some versions log
 * an error for each. So a session gives its deliveries back before.
 */
const HOLD_AT_MOST = 20 * 60_000;

/** Milliseconds that it may take to give a lease back. */
const GIVE_BACK = 1_000;

const LEDGER =
  'the ledger is not ready: Redis does not answer, or it is being rebuilt from the sink, by this consumer or another one';
const LEASE = 'Redis does not give this consumer its lease';

/** After these ends the writer still holds its lease and its epoch. */
const SOUND: ReadonlySet<SessionEnd['after']> = new Set(['stopped', 'channel closed', 'consumer cancelled']);

/**
 * The life of one writer, from its lease to the end of its channels:
 *
 *     enter the ledger      waits for Redis; rebuilds a ledger that was lost (recovery/)
 *            │
 *     take the lease        from here on other consumers leave alone what this writer holds
 *            │
 *     open the path         the writer's output, the way to the dead letters, a channel for each queue
 *            │
 *         consume ──────────────────────────────────┐
 *            │ stopped                              │ writer lost      it was fenced, or the ledger is gone
 *            │ channel closed                       │                  or the output went back (session/watch.ts)
 *            │ consumer cancelled                   │ held too long    a delivery was, for 20 minutes
 *            │                                      │ failed           for any other reason
 *            ▼                                      ▼
 *         finish ── overdue: waits no more ──▶   abandon
 *            │                                      │
 *            └──────────────────┬───────────────────┘
 *                               ▼
 *                            release               gives the lease back; closes the output and the channels
 *
 * - finish: the writer is sound. What it has claimed is written, committed, and acknowledged as far as possible.
 * - abandon: the writer writes, commits and acknowledges nothing any more.
 * - A step before `consume` that fails leads to `release`, and its error is thrown.
 *
 * However a session ends, all that it had not acknowledged is delivered again, to the next session or to another consumer.
 * This crash protocol is the only recovery: after every end but `stopped`, service.ts begins another session with a new
 * writer.
 */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const { writer, clock, log } = options;
  const entered = await tellIfSlow(options.ledgers.enter(writer, options.stop), LEDGER, options);
  const { ledger } = entered;
  const ending = new Ending(options.stop, options.overdue);
  const release = new ReleaseList();
  const lease = new Lease({ ledger, clock, log, onLost: ({ message }) => ending.by('writer lost', message) });
  try {
    await tellIfSlow(lease.take(), LEASE, options);
    const path = await openPath(options, { ...entered, lease, ending, release });
    const work = new Work(path, options, ending);
    options.onRunning(work);
    log.info({ writer, queues: path.lanes.map(({ entity }) => entity.config.queue) }, 'consuming');
    void endIfHeldTooLong(work, clock, ending);
    void watchOutput(entered, options, ending);

    const end = await ending.outcome;
    work.end(end);
    if (SOUND.has(end.after)) {
      await work.finish();
    } else {
      ending.abandon();
      work.abandon();
    }
    return end;
  } finally {
    ending.close();
    await giveBack(lease, options);
    await release.release().catch((error: unknown) => log.debug({ reason: describeError(error) }, 'closing channels'));
  }
}

async function endIfHeldTooLong(work: Work, clock: Clock, ending: Ending): Promise<void> {
  while (!ending.abandoned.aborted) {
    await clock.sleep(10_000, ending.abandoned);
    const limit = clock.monotonic() - HOLD_AT_MOST;
    if ((work.heldSince() ?? limit) < limit) ending.by('held too long');
  }
}

/**
 * Gives the lease back, so that other consumers take over at once. It does not wait long for it: the deliveries must be given
 * back even if Redis is away, and the lease runs out by itself.
 */
async function giveBack(lease: Lease, { clock, log }: SessionOptions): Promise<void> {
  const given = lease.release(true).catch((error: unknown) => {
    if (!(error instanceof WriterLost)) log.debug({ reason: describeError(error) }, 'the lease was not given back');
  });
  await Promise.race([given, clock.sleep(GIVE_BACK)]);
}
