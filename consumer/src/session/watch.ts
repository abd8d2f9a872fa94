import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { EnteredLedger } from '../ledger/port.js';
import type { Ending } from './ending.js';

/** Milliseconds between two looks at the output. */
const LOOK_EVERY = 5_000;

/** An output of very many parts takes long to look at. The looks take a twentieth of the time, unless that would be too seldom. */
const SHARE = 20;
const SELDOM = 30_000;

/**
 * Ends the session when the output is not the one any more that it began with: a backup was restored, a table was emptied, a
 * standby without the last writes was promoted. The next session finds out what is to be done (recovery/epoch.ts).
 */
export async function watchOutput(
  { check }: Pick<EnteredLedger, 'check'>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ending: Ending,
): Promise<void> {
  let wait = LOOK_EVERY;
  for (;;) {
    await clock.sleep(wait, ending.abandoned);
    if (ending.abandoned.aborted) return;
    const began = clock.monotonic();
    try {
      const wrong = await check();
      if (wrong !== undefined) return ending.by('writer lost', wrong);
    } catch (error) {
      // Redis or the sink is away, which is told by those who write; the next look finds what happened meanwhile.
      log.debug({ reason: describeError(error) }, 'the output could not be looked at');
    }
    wait = Math.min(SELDOM, Math.max(LOOK_EVERY, (clock.monotonic() - began) * SHARE));
  }
}
