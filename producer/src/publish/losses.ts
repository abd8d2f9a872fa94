import {
  type Clock,
  count,
  describeError,
  type HeldOfQueue,
  interruptible,
  type Logger,
  type OpenPublication,
  type Publications,
  type QueueDepths,
  type QueueLook,
} from '@tributary/shared';
import { Rounds } from './rounds.js';
import { Strangers } from './strangers.js';

/** Milliseconds between two looks. */
const LOOK = 2_000;

/**
 * Where it takes long to count what is settled, the pause is so many times as long, up to a bound in milliseconds: many open
 * publications cost no more than 5 % of a core.
 */
const PAUSE = 20;
const LONGEST_PAUSE = 20_000;

/** How many looks in a row must find a queue quiet, and nothing settled meanwhile, before what is missing is lost. */
const LOOKS = 3;

/**
 * Milliseconds after which messages that are not settled are lost if all of a later publication is. A consumer holds a delivery
 * for 20 minutes at most, and gives it back to the front of its queue.
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
  /** How many messages more its queues held before, at most: of other programs, or of other endpoints. Undefined if it is not known. */
  readonly others?: number | undefined;
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
  /** Called with what each look finds. */
  readonly onLook?: (open: readonly OpenPublication[]) => void | Promise<void>;
}

/**
 * A publication as it was at some look, of which as much is missing now as then. It may have grown since: what is published later, and is on
 * its way, must not be taken for what is missing.
 */
interface Kept {
  readonly one: OpenPublication;
  /** How many looks in a row have found it so. */
  readonly looks: number;
  /** Since when all that was published after it is settled, by the clock that is never set. */
  readonly overtaken?: number | undefined;
}

/**
 * Looks whether the broker still has what it confirmed. A publication that is not settled, while its queue is empty and no
 * consumer holds anything of it, is lost: the queue was deleted, emptied, or the broker came back without its data. A false
 * alarm would cost a poll, whose repeats the consumer drops.
 */
export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #stop = new AbortController();
  /** Milliseconds that it took to count what is settled. */
  #counting = 0;
  /** By publication, as it was when its queue was found quiet. */
  #quiet = new Map<string, Kept>();
  /** By publication, as it was when something was first found missing. */
  #old = new Map<string, Kept>();
  /** By queue, how many messages lay in it before it was found quiet, and how many looks ago that was. */
  readonly #depths = new Map<string, Depth>();
  readonly #strangers: Strangers;
  readonly #rounds: Rounds;
  /** By queue, when a consumer of it was last found to hold a delivery for long. */
  readonly #heldLong = new Map<string, number>();

  constructor(options: LossWatchOptions) {
    this.#options = options;
    this.#strangers = new Strangers(options.clock);
    this.#rounds = new Rounds(options.publications);
  }

  /** What keeps confirmed records from landing that no consumer can tell, in words; undefined if nothing does. */
  get problem(): string | undefined {
    return this.#strangers.problem;
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
      await clock.sleep(Math.min(Math.max(LOOK, this.#counting * PAUSE), LONGEST_PAUSE), signal);
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
    const { publications, isMine, onLoss, clock } = this.#options;
    const begun = clock.monotonic();
    const open = await publications.open();
    await this.#options.onLook?.(open);
    this.#counting = clock.monotonic() - begun;
    await publications.forget(open.filter((one) => missingOf(one) === 0));
    const pending = open.filter((one) => missingOf(one) > 0 && isMine(one.endpoint));
    if (pending.length === 0) {
      this.#strangers.look(new Map(), new Map());
      // The messages of this producer end the rounds of others, which may publish seldom.
      await publications.draw();
    }
    const lost = pending.length === 0 ? [] : await this.#lostOf(pending, open);
    for (const [endpoint, its] of groupByEndpoint(lost)) {
      await onLoss(lossOf(endpoint, its, this.#depths));
      // The endpoint is polled again from before all of them, so what is still on its way is not waited for either.
      await publications.forget(open.filter((one) => one.endpoint === endpoint));
    }
  }

  async #lostOf(pending: readonly OpenPublication[], open: readonly OpenPublication[]): Promise<OpenPublication[]> {
    const { publications, depths, clock } = this.#options;
    const queues = [...new Set(pending.flatMap(({ counts }) => Object.keys(counts)))];
    const [looks, held] = await Promise.all([depths.look(queues), publications.held()]);
    const { living } = held;
    this.#strangers.look(looks, living);
    const isQuiet = (queue: string) => isQuietNow(looks.get(queue), living.get(queue) ?? []);
    const now = clock.monotonic();
    for (const queue of queues) {
      const { ready = 0 } = looks.get(queue) ?? {};
      const before = this.#depths.get(queue);
      if (!isQuiet(queue)) this.#depths.set(queue, { ready, looks: 0 });
      else if (before !== undefined) this.#depths.set(queue, { ...before, looks: before.looks + 1 });
      if (living.get(queue)?.some(({ oldest }) => oldest > HELD_LONG)) this.#heldLong.set(queue, now);
    }
    const isStuck = (queue: string) => now - (this.#heldLong.get(queue) ?? Number.NEGATIVE_INFINITY) < OVERTAKEN;
    const shortOf = ({ counts, settled }: OpenPublication) =>
      Object.keys(counts).filter((queue) => (settled[queue] ?? 0) < (counts[queue] ?? 0));
    const isOvertaken = (one: OpenPublication) => {
      const moving = shortOf(one).filter((queue) => !isStuck(queue));
      return !shortOf(one).some(isQuiet) && open.some((other) => overtakes(other, one, moving));
    };
    const quiet = pending.filter((one) => shortOf(one).some(isQuiet));
    this.#quiet = await this.#keep(quiet, this.#quiet);
    this.#old = await this.#keep(pending, this.#old);
    for (const [token, kept] of this.#old) {
      if (kept.overtaken === undefined && isOvertaken(kept.one)) this.#old.set(token, { ...kept, overtaken: now });
    }
    const lost = new Map<string, OpenPublication>();
    for (const one of await this.#rounds.look(pending, looks, held)) lost.set(one.token, one);
    for (const { one, looks } of this.#quiet.values()) if (looks >= LOOKS) lost.set(one.token, one);
    for (const { one, overtaken = now } of this.#old.values()) {
      if (now - overtaken > OVERTAKEN && isOvertaken(one) && !lost.has(one.token)) lost.set(one.token, one);
    }
    return [...lost.values()];
  }

  /** The publications as they were kept before, where as much is missing as then; the others as they are now. */
  async #keep(pending: readonly OpenPublication[], before: ReadonlyMap<string, Kept>): Promise<Map<string, Kept>> {
    const known = pending.flatMap(({ token }) => before.get(token)?.one ?? []);
    const counted = new Map((await this.#options.publications.recount(known)).map((one) => [one.token, one]));
    const kept = new Map<string, Kept>();
    for (const one of pending) {
      const earlier = before.get(one.token);
      const again = counted.get(one.token);
      const missing = again === undefined ? 0 : missingOf(again);
      if (earlier === undefined || again === undefined || missing === 0) kept.set(one.token, { one, looks: 1 });
      else if (missing !== missingOf(earlier.one)) kept.set(one.token, { one: again, looks: 1 });
      else kept.set(one.token, { ...earlier, looks: earlier.looks + 1 });
    }
    return kept;
  }
}

/** What lay in a queue at a look some looks ago. */
interface Depth {
  readonly ready: number;
  readonly looks: number;
}

/** Whether a queue holds nothing, and no consumer holds anything of it. */
function isQuietNow(look: QueueLook | undefined, held: readonly HeldOfQueue[]): boolean {
  if (look === undefined || look.ready > 0) return false;
  // RabbitMQ does not count a consumer that takes no more and still holds some, as one that stops or that changes its prefetch. Consumers
  // that say nothing (of an earlier version) may hold anything.
  return held.length >= look.consumers && held.every(({ records }) => records === 0);
}

/**
 * Whether messages of `other` that were published after the whole of `one` are all settled: a queue gives messages out in their order.
 * When they were noted, by the time of day, would not tell it: a producer's clock may be behind, and a long run is noted late.
 * @param one as it was; it may have grown since
 */
function overtakes(other: OpenPublication, one: OpenPublication, queues: readonly string[]): boolean {
  if (queues.length === 0) return false;
  if (other.token === one.token) return missingOf(other) === missingOf(one) && other.seq !== one.seq;
  const { after = -1, settled, counts } = other;
  const isLater = after >= (one.seq ?? Number.POSITIVE_INFINITY);
  return isLater && queues.some((queue) => settled[queue] !== undefined && settled[queue] === counts[queue]);
}

/** How many of its messages are not settled. */
export function missingOf({ counts, settled }: OpenPublication): number {
  return Object.entries(counts).reduce((sum, [queue, all]) => sum + Math.max(0, all - (settled[queue] ?? 0)), 0);
}

function groupByEndpoint(lost: readonly OpenPublication[]): Map<string, OpenPublication[]> {
  const groups = new Map<string, OpenPublication[]>();
  for (const one of lost) groups.set(one.endpoint, [...(groups.get(one.endpoint) ?? []), one]);
  return groups;
}

function lossOf(endpoint: string, lost: readonly OpenPublication[], depths: ReadonlyMap<string, Depth>): Loss {
  const records: Record<string, number> = {};
  for (const { counts, settled } of lost) {
    for (const [queue, all] of Object.entries(counts)) {
      const missing = Math.max(0, all - (settled[queue] ?? 0));
      if (missing > 0) records[queue] = (records[queue] ?? 0) + missing;
    }
  }
  // A later run may have begun further back: after a reset, or where it read the past.
  const since = lost.flatMap((one) => one.since ?? []);
  const loss = { endpoint, records, since: since.length === lost.length ? since : undefined };
  // What lay there longer ago may have been consumed.
  const before = Object.entries(records).map(([queue, missing]) => {
    const { ready, looks } = depths.get(queue) ?? { ready: 0, looks: Number.POSITIVE_INFINITY };
    return looks === 0 || looks > LOOKS ? undefined : Math.max(0, ready - missing);
  });
  const known = before.filter((others) => others !== undefined);
  return known.length === 0 ? loss : { ...loss, others: known.reduce((sum, others) => sum + others, 0) };
}

/** `300 records of queue "customer_data"`. */
export const describeLoss = ({ records }: Loss): string =>
  Object.entries(records)
    .map(([queue, missing]) => `${count(missing, 'record')} of queue "${queue}"`)
    .join(', ');
