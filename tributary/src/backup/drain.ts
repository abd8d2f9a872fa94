import { type Clock, count, type Publications, type QueueDepths } from '@tributary/shared';

export interface DrainOptions {
  readonly publications: Pick<Publications, 'draw' | 'held'>;
  readonly depths: QueueDepths;
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Milliseconds to wait at most. */
  readonly patience: number;
}

/** Milliseconds between two looks, and for which a consumer that has written may still be about to say so. */
const LOOK = 500;
const NOTED = 2_000;

/**
 * Waits until what lies in the queues now is written, or buried. A queue gives messages out in their order: when each of its consumers was given
 * one that was published later, and holds none for as long as since then, all before are settled. So is all of a queue that is empty
 * and of which no consumer holds anything. Without consumers, or behind a message that none can write, it would wait for ever.
 *
 * @returns what is still on its way, in words
 */
export async function drain({
  publications,
  depths,
  queues,
  clock,
  signal,
  patience,
}: DrainOptions): Promise<string[]> {
  const begun = clock.monotonic();
  const drawn = await publications.draw();
  const open = new Map<string, number | undefined>(queues.map((queue) => [queue, undefined]));
  for (;;) {
    const [looks, { living }] = await Promise.all([depths.look([...open.keys()]), publications.held()]);
    const now = clock.monotonic();
    for (const [queue, passed] of [...open]) {
      const { ready = 0, consumers = 0 } = looks.get(queue) ?? {};
      const held = living.get(queue) ?? [];
      const isEmpty = ready === 0 && held.length >= consumers && held.every(({ records }) => records === 0);
      if (isEmpty && now - begun > NOTED) open.delete(queue);
      else if (passed !== undefined && held.every(({ records, oldest }) => records === 0 || oldest < now - passed))
        open.delete(queue);
      else if (
        passed === undefined &&
        held.length > 0 &&
        held.length >= consumers &&
        held.every(({ after }) => after >= drawn)
      )
        // It may have taken the last of those before right after it said how old the oldest is.
        open.set(queue, now + NOTED);
    }
    const isLeft = now - begun >= NOTED && [...open.keys()].every((queue) => (looks.get(queue)?.consumers ?? 0) === 0);
    if (open.size === 0 || now - begun >= patience || isLeft || signal.aborted) break;
    await clock.sleep(LOOK, signal);
  }
  const looks = await depths.look([...open.keys()]);
  const { living } = await publications.held();
  return [...open.keys()].flatMap((queue) => {
    const messages = looks.get(queue)?.ready ?? 0;
    const records = (living.get(queue) ?? []).reduce((sum, one) => sum + one.records, 0);
    return messages + records === 0
      ? []
      : `queue ${queue}: ${count(messages, 'message')}, and ${count(records, 'record')} with consumers`;
  });
}
