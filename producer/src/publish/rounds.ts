import {
  countHeld,
  type HeldOfQueue,
  type Holdings,
  type OpenPublication,
  type Publications,
  type QueueLook,
} from '@tributary/shared';

/** How many looks in a row must find the same messages missing. RabbitMQ may be about to deliver them again, without a consumer that ended. */
const LOOKS = 3;

/** One round of a queue. */
interface Round {
  /** Drawn when the round began: what has a number that is not less was published later. */
  readonly barrier: number;
  /** What was confirmed before that, and not settled. */
  readonly taken: readonly OpenPublication[];
  /** Consumers that had ended before that. */
  readonly ended: ReadonlySet<string>;
  /** How many looks in a row have found that each consumer has passed the barrier. */
  looks: number;
}

/**
 * Finds what was lost of a queue while other messages come and go, so that it is never quiet.
 *
 * A round takes the messages that are confirmed and not settled, and draws a number. All messages that are published later carry this number
 * or a higher one. When each consumer of the queue has been given such a message, each message of the round has been given out before, because
 * - a queue gives its messages out in their order. (All of ours have one priority.) A message that its consumer gives back goes before all
 *   that were not given out yet (quorum queues keep what was returned in a list of its own, and empty that first);
 * - a consumer gets messages in the order in which they were given out to it, so none of the round is still on its way to it.
 * So a message of the round that is neither settled nor held by any consumer then is lost.
 *
 * The order of the numbers of one publication would not tell this: a message that RabbitMQ refused, or whose channel broke, is published
 * again behind later ones. But it is not noted as confirmed before it is, and what follows the draw follows that.
 *
 * A message comes back without the consumers' knowledge where one ends while it holds the message. So a round is given up if a consumer ends or
 * goes silent meanwhile, or if RabbitMQ knows of one that says nothing: it may hold anything. No time is compared, neither of consumers nor of
 * records: slow consumers, batches that wait, and letters that are held aside only make a round longer.
 */
export class Rounds {
  readonly #publications: Pick<Publications, 'draw' | 'recount'>;
  /** By queue. */
  readonly #rounds = new Map<string, Round>();

  constructor(publications: Pick<Publications, 'draw' | 'recount'>) {
    this.#publications = publications;
  }

  /**
   * Looks once.
   * @param pending the publications that are not settled
   * @param looks the queues as they were after that
   * @param holdings as they were after that
   * @returns publications of which messages are lost; what consumers hold of them counts as settled
   */
  async look(
    pending: readonly OpenPublication[],
    looks: ReadonlyMap<string, QueueLook>,
    { living, ended }: Holdings,
  ): Promise<OpenPublication[]> {
    const lost: OpenPublication[] = [];
    const beginning: string[] = [];
    for (const queue of this.#rounds.keys()) if (!looks.has(queue)) this.#rounds.delete(queue);
    for (const [queue, { consumers }] of looks) {
      const held = living.get(queue) ?? [];
      const round = this.#rounds.get(queue);
      const isKnown = held.length >= consumers;
      if (!isKnown) this.#rounds.delete(queue);
      else if (round === undefined || [...ended].some((one) => !round.ended.has(one))) beginning.push(queue);
      else if (held.length > 0 && held.every(({ after }) => after >= round.barrier)) {
        round.looks += 1;
        const missing = await this.#missingOf(round, queue, held, pending);
        if (missing.length > 0 && round.looks < LOOKS) continue;
        lost.push(...missing);
        beginning.push(queue);
      }
    }
    if (beginning.length === 0) return lost;
    const barrier = await this.#publications.draw();
    for (const queue of beginning) {
      const taken = pending.filter(({ counts }) => counts[queue] !== undefined);
      this.#rounds.set(queue, { barrier, taken, ended, looks: 0 });
    }
    return lost;
  }

  /** What no consumer holds, of the publications as the round took them. */
  async #missingOf(
    { taken }: Round,
    queue: string,
    held: readonly HeldOfQueue[],
    pending: readonly OpenPublication[],
  ): Promise<OpenPublication[]> {
    // What was polled again meanwhile for another reason is forgotten.
    const isThere = (one: OpenPublication) =>
      pending.some(({ token, ranges }) => token === one.token && ranges?.[queue]?.[0] === one.ranges?.[queue]?.[0]);
    // It is counted after the consumers have told what they hold: what was settled in between is in neither, or in both.
    const counted = await this.#publications.recount(taken.filter(isThere));
    return counted.flatMap((one) => {
      const count = one.counts[queue] ?? 0;
      const settled = one.settled[queue] ?? 0;
      const range = one.ranges?.[queue] ?? [0, Number.POSITIVE_INFINITY];
      const known = settled + countHeld(held, one.token, range);
      return known < count ? [{ ...one, settled: { ...one.settled, [queue]: known } }] : [];
    });
  }
}
