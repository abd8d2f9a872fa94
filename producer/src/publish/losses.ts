import {
  type Clock,
  count,
  describeError,
  interruptible,
  type Logger,
  type OpenPublication,
  oldestOf,
  type Publications,
  type QueueDepths,
  type QueueLook,
} from '@tributary/shared';

/** Milliseconds between two looks. */
const LOOK = 2_000;

/** How many looks in a row must find a queue quiet, and nothing settled meanwhile, before what is missing is lost. */
const LOOKS = 3;

/**
 * Milliseconds after which a message that is not settled is lost if one that came after it is. A consumer holds a delivery for
 * 20 minutes at most, and gives it back to the front of its queue.
 */
const OVERTAKEN = 25 * 60_000;

/**
 * Milliseconds for which a consumer holds a delivery only if it cannot write it, or cannot bury it. Then later messages overtake it, and
 * it is not lost.
 */
const HELD_LONG = 5 * 60_000;

/** What was lost of an endpoint. */
export interface Loss {
  readonly endpoint: string;
  /** By queue, the number of records. */
  readonly records: Readonly<Record<string, number>>;
  /** The versions from the earliest of which the endpoint has to be polled again; everything if they are not there. */
  readonly since: readonly string[] | undefined;
}

export interface LossWatchOptions {
  readonly publications: Publications;
  readonly depths: QueueDepths;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this producer polls the endpoint. */
  readonly isMine: (endpoint: string) => boolean;
  /** Lets the endpoint be polled again. It is called again later if it fails. */
  readonly onLoss: (loss: Loss) => Promise<void>;
}

interface Seen {
  readonly settled: number;
  readonly looks: number;
}

/**
 * Looks whether the broker still has what it confirmed. A publication that is not settled, while its queue is empty and no
 * consumer holds anything of it, is lost: the queue was deleted, emptied, or the broker came back without its data. A false
 * alarm (a consumer that was killed before it noted what it settled) costs a poll, whose repeats the consumer drops.
 */
export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #stop = new AbortController();
  /** By publication, what the last look found. */
  #seen = new Map<string, Seen>();
  /** By queue, when a consumer of it was last found to hold a delivery for long. */
  readonly #heldLong = new Map<string, number>();

  constructor(options: LossWatchOptions) {
    this.#options = options;
  }

  close(): void {
    this.#stop.abort();
  }

  /** Never rejects: while Redis or RabbitMQ is away, there is nothing to see. */
  async run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    let last = '';
    while (!signal.aborted) {
      await clock.sleep(LOOK, signal);
      if (signal.aborted) return;
      try {
        await interruptible(this.look(), signal);
        last = '';
      } catch (error) {
        const reason = describeError(error);
        if (!signal.aborted && reason !== last)
          log.debug({ reason }, 'cannot look whether RabbitMQ has what it confirmed');
        last = reason;
      }
    }
  }

  /** Looks once. */
  async look(): Promise<void> {
    const { publications, isMine, onLoss } = this.#options;
    const open = await publications.open();
    await publications.forget(open.filter((one) => missingOf(one) === 0));
    const pending = open.filter((one) => missingOf(one) > 0 && isMine(one.endpoint));
    const lost = pending.length === 0 ? [] : await this.#lostOf(pending, open);
    for (const [endpoint, its] of groupByEndpoint(lost)) {
      await onLoss(lossOf(endpoint, its));
      // The endpoint is polled again from before all of them, so what is still on its way is not waited for either.
      await publications.forget(open.filter((one) => one.endpoint === endpoint));
    }
  }

  async #lostOf(pending: readonly OpenPublication[], open: readonly OpenPublication[]): Promise<OpenPublication[]> {
    const { publications, depths, clock } = this.#options;
    const queues = [...new Set(pending.flatMap(({ counts }) => Object.keys(counts)))];
    const [looks, held] = await Promise.all([depths.look(queues), publications.held()]);
    const isQuiet = (queue: string) => isQuietNow(looks.get(queue), held.get(queue) ?? []);
    const now = clock.monotonic();
    for (const queue of queues) {
      if (held.get(oldestOf(queue))?.some((age) => age > HELD_LONG)) this.#heldLong.set(queue, now);
    }
    const isStuck = (queue: string) => now - (this.#heldLong.get(queue) ?? Number.NEGATIVE_INFINITY) < OVERTAKEN;
    const before = this.#seen;
    this.#seen = new Map();
    return pending.filter((one) => {
      const short = Object.keys(one.counts).filter((queue) => (one.settled[queue] ?? 0) < (one.counts[queue] ?? 0));
      if (!short.some(isQuiet)) {
        const moving = short.filter((queue) => !isStuck(queue));
        return clock.now() - one.at > OVERTAKEN && isOvertaken(one, moving, open);
      }
      const settled = settledOf(one);
      const seen = before.get(one.token);
      const looksSoFar = seen?.settled === settled ? seen.looks + 1 : 1;
      this.#seen.set(one.token, { settled, looks: looksSoFar });
      return looksSoFar >= LOOKS;
    });
  }
}

/** Whether a queue holds nothing, and no consumer holds anything of it. */
function isQuietNow(look: QueueLook | undefined, held: readonly number[]): boolean {
  if (look === undefined || look.ready > 0) return false;
  // Consumers that say nothing (of an earlier version) may hold anything.
  return look.consumers === 0 || (held.length >= look.consumers && held.every((deliveries) => deliveries === 0));
}

/** A queue gives messages out in their order. */
const isOvertaken = (one: OpenPublication, queues: readonly string[], open: readonly OpenPublication[]): boolean =>
  open.some((other) => other.at > one.at && queues.some((queue) => other.settled[queue] === other.counts[queue]));

const settledOf = ({ settled }: OpenPublication): number => Object.values(settled).reduce((sum, one) => sum + one, 0);

function missingOf({ counts, settled }: OpenPublication): number {
  return Object.entries(counts).reduce((sum, [queue, all]) => sum + Math.max(0, all - (settled[queue] ?? 0)), 0);
}

function groupByEndpoint(lost: readonly OpenPublication[]): Map<string, OpenPublication[]> {
  const groups = new Map<string, OpenPublication[]>();
  for (const one of lost) groups.set(one.endpoint, [...(groups.get(one.endpoint) ?? []), one]);
  return groups;
}

function lossOf(endpoint: string, lost: readonly OpenPublication[]): Loss {
  const records: Record<string, number> = {};
  for (const { counts, settled } of lost) {
    for (const [queue, all] of Object.entries(counts)) {
      const missing = Math.max(0, all - (settled[queue] ?? 0));
      if (missing > 0) records[queue] = (records[queue] ?? 0) + missing;
    }
  }
  // A later run may have begun further back: after a reset, or where it read the past.
  const since = lost.flatMap((one) => one.since ?? []);
  return { endpoint, records, since: since.length === lost.length ? since : undefined };
}

/** `300 records of queue "customer_data"`. */
export const describeLoss = ({ records }: Loss): string =>
  Object.entries(records)
    .map(([queue, missing]) => `${count(missing, 'record')} of queue "${queue}"`)
    .join(', ');
