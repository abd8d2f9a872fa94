import type { Clock, Logger } from '@tributary/shared';
import type { HeldLetters } from './letter.js';

export interface WatchOptions {
  readonly held: HeldLetters;
  readonly clock: Clock;
  readonly log: Logger;
  readonly over: AbortSignal;
  /** How many letters were buried so far. */
  readonly buried: () => number;
  /** Why letters of this queue cannot be buried. */
  readonly why: (queue: string) => string;
  readonly onProblem: (queue: string, problem: string | undefined) => void;
  readonly onHeld: (counts: ReadonlyMap<string, number>) => void;
}

/** Milliseconds. */
const LOOK = 1_000;
/** Milliseconds without a burial after which the letters that are held are a problem. */
const STUCK = 3_000;

/** Tells, for each queue, when its letters cannot be buried, and when they can again. Ends when none is held. */
export async function watchLetters(options: WatchOptions): Promise<void> {
  const { held, clock, log, over, onProblem, onHeld } = options;
  const told = new Set<string>();
  let [buried, since] = [options.buried(), clock.monotonic()];
  for (; !over.aborted && held.size > 0; await clock.sleep(LOOK, over)) {
    onHeld(held.counts);
    if (options.buried() !== buried) [buried, since] = [options.buried(), clock.monotonic()];
    const isStuck = clock.monotonic() - since >= STUCK;
    for (const [queue, count] of held.counts) {
      if (count === 0 || !isStuck) {
        if (!told.delete(queue)) continue;
        onProblem(queue, undefined);
        log.info({ queue }, 'dead letters can be put on their queue again');
        continue;
      }
      const why = options.why(queue);
      const consequence = held.isFull(queue)
        ? `so many are held aside that nothing more is taken from ${queue} until some can be put there`
        : 'they are held aside, and stay in their queue; other records go on';
      onProblem(queue, `dead letters of ${queue} cannot be put on ${queue}.dead: ${why}; ${consequence}`);
      if (!told.has(queue))
        log.error({ queue, reason: why }, `dead letters cannot be put on their queue: ${consequence}`);
      told.add(queue);
    }
  }
  onHeld(held.counts);
  for (const queue of told) onProblem(queue, undefined);
}
