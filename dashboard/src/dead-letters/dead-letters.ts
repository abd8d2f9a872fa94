import {
  type Clock,
  type ConsumeMessage,
  compileEntity,
  type Entity,
  type EntityConfig,
  type EntityQueue,
  type PipelineConfig,
  PoisonError,
  parseBody,
  RetryableError,
  type Topology,
  topologyOf,
} from '@tributary/shared';
import type { Actor, AuditedAct, AuditLog } from '../audit/audit.js';
import { type Acted, type Action, actOnQueue, type Sift, type Total, type Visit } from './act.js';
import { begunLate } from './begun-late.js';
import type { Broker } from './broker.js';
import { buriedAt } from './buried-at.js';
import { type KeptStore, keptBodyOf, keptStore, originalBody } from './kept-bodies.js';
import { KeptRemoval } from './kept-removal.js';
import {
  type DeadLetter,
  type LetterMatch,
  type ListedLetter,
  matches,
  readLetter,
  type WholeLetter,
} from './letter.js';
import { withLock } from './lock.js';
import { type MendProspect, MendProspects } from './mend-prospects.js';
import { type Expressions, type Mended, Mending } from './mending.js';
import { MendingProcess } from './mending-process.js';
import type { Disposition, PassOptions } from './pass.js';
import {
  collectLetters,
  type ErasedLetters,
  eraseLetters,
  type LettersOfRecord,
  type RecordTools,
  unseen,
} from './record-letters.js';
import { Renewals } from './renewals.js';
import { Replayer } from './replayer.js';
import { ReturnLimits } from './return-limits.js';
import { Settled } from './settled.js';
import { type Swept, sweep } from './sweep.js';
import { textOf } from './text-of.js';
import { Faults, judge, type Problem, problemOf, shortened, UNKNOWN, type Verdict } from './verdict.js';
import type { RecordName } from './whose.js';

export interface SweepLimits {
  /** Letters of each queue that a list holds at most, some 600 bytes of each. */
  readonly listed: number;
  /** Bytes of each queue that are fetched for a list at most. */
  readonly listedBytes: number;
  /** Letters that one channel may hold while they are only looked at. */
  readonly looking: number;
  /** Letters that one channel may hold while they are acted on: their bodies are in memory. */
  readonly acting: number;
}

const LIMITS: SweepLimits = { listed: 20_000, listedBytes: 1024 ** 3, looking: 60_000, acting: 4_000 };

export interface DeadLettersOptions {
  readonly config: PipelineConfig;
  readonly broker: Broker;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly limits?: Partial<SweepLimits> | undefined;
  /** Where large bodies are kept, if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
}

/** The dead letters of a pipeline: lists them, sends them again (mended or as they were), discards them. */
export class DeadLetters {
  readonly topology: Topology;
  readonly #options: DeadLettersOptions;
  readonly #limits: SweepLimits;
  readonly #kept: KeptStore;
  readonly #entities: ReadonlyMap<string, Entity>;
  /** The last sweep of each queue: within this process they run one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** When a queue last took no letters that were to be renewed, by the clock that is never set. */
  readonly #full = new Map<string, number>();
  readonly #returns: ReturnLimits;
  readonly #settled: Settled;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.topology = topologyOf(options.config);
    this.#limits = { ...LIMITS, ...options.limits };
    this.#kept = keptStore(options.config.sink, options.postgresUrl);
    this.#returns = new ReturnLimits(options.broker, options.clock);
    this.#settled = new Settled(options.clock);
    const entities = Object.entries(options.config.entities);
    this.#entities = new Map(entities.map(([name, entity]) => [name, compileEntity(name, entity)]));
  }

  /** Counts the letters of each queue, without taking any. */
  async counts(): Promise<{ readonly queue: string; readonly entity: string; readonly letters: number }[]> {
    return await Promise.all(
      this.topology.queues.map(async ({ queue, entity, deadQueue }) => {
        const depth = await this.#options.broker.depth(deadQueue);
        return { queue, entity, letters: depth?.messages ?? 0 };
      }),
    );
  }

  /** The letters of one queue, the oldest first, without their bodies, and at most as many as the limits allow. */
  async list(queue: string, signal: AbortSignal): Promise<{ letters: ListedLetter[]; complete: boolean }> {
    const letters: ListedLetter[] = [];
    const { listed: atMost, listedBytes: atMostBytes, looking: perChannel } = this.#limits;
    const bounds = { atMost, atMostBytes, perChannel };
    const { complete } = await this.#sweep(this.#lookableQueue(queue), bounds, signal, (message, letter) => {
      letters.push({ ...letter, now: shortened(this.#verdictOn(message, letter)) });
      return 'keep';
    });
    return { letters, complete };
  }

  /** One letter; bytes of its body that are not UTF-8 are shown as �. */
  async find(queue: string, id: string, signal: AbortSignal): Promise<WholeLetter | undefined> {
    let found: { readonly letter: DeadLetter; readonly message: ConsumeMessage } | undefined;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const bounds = { ...EVERYTHING, perChannel: this.#limits.looking };
    await this.#sweep(this.#lookableQueue(queue), bounds, either, (message, letter) => {
      if (letter.id === id && found === undefined) {
        found = { letter, message };
        stop.abort();
      }
      return 'keep';
    });
    if (found === undefined) return undefined;
    const { letter, message } = found;
    // A body that cannot be read now is no reason to hide the letter: its own says where the body is kept.
    const body = await originalBody(message, letter.queue, this.#kept).catch(() => message.content);
    return { letter, body: body.toString('utf8'), headers: message.properties.headers ?? {} };
  }

  /** @throws PoisonError with what the consumer would say: what is wrong with a body, naming the field */
  validate(entity: string, body: Uint8Array): void {
    const compiled = this.#entities.get(entity);
    if (compiled === undefined) throw new PoisonError('entity_unknown', `this pipeline has no entity "${entity}"`);
    compiled.decode(parseBody(body));
  }

  /** Sends one letter into the pipeline again, whatever the consumer will say. It is confirmed there before it is acknowledged here. */
  async replay(
    match: LetterMatch & { readonly id: string },
    actor: Actor,
    signal: AbortSignal,
    body?: string,
  ): Promise<Acted> {
    const act = await this.#options.audit.begin(actor, 'replay', { match, edited: body !== undefined });
    const replayer = await Replayer.open(this.#options.broker, this.topology.exchange);
    try {
      return await this.#act(act, match, signal, {
        doTo: async (message, letter) => {
          const mended = body === undefined ? {} : { before: await this.#wholeBody(message, letter), body };
          await act.note('letter', { ...nameOf(letter), ...mended });
          const sent = body === undefined ? await originalBody(message, letter.queue, this.#kept) : Buffer.from(body);
          await replayer.replay(message, letter.entity, sent);
          return undefined;
        },
      });
    } finally {
      await replayer.close();
    }
  }

  /**
   * Sends all letters that match into the pipeline again, as they are: those that the consumer would take now. The others would only
   * come back; they stay, and it is told why.
   */
  async replayAll(match: LetterMatch, actor: Actor, signal: AbortSignal): Promise<Acted> {
    const act = await this.#options.audit.begin(actor, 'replay', { match, edited: false });
    const make: MakeReplay = (letter, body) => {
      this.validate(letter.entity, body);
      return { body, noted: nameOf(letter) };
    };
    const sift: Sift = (message, letter) => this.#verdictOn(message, letter).problem ?? undefined;
    return await this.#replayAll(act, match, signal, make, sift);
  }

  /** Whose records are in a queue. @throws PoisonError if there is no such queue */
  entityOf(queue: string): string {
    return this.#queue(queue).entity;
  }

  /**
   * Expressions that mend the records of one queue.
   * @throws ExpressionError naming the field whose expression cannot be used; RetryableError
   */
  mendingOf(queue: string, expressions: Expressions): Mending {
    const entity = this.entityOf(queue);
    const config = this.#options.config.entities[entity];
    if (config === undefined) throw new PoisonError('entity_unknown', `this pipeline has no entity "${entity}"`);
    return new Mending(config, expressions);
  }

  /** What would become of the letters that match if they were mended so: of as many as a list has. Nothing is sent. */
  async tryMending(match: LetterMatch & OfQueue, mending: Mending, signal: AbortSignal): Promise<MendProspect> {
    const mends = new MendingProcess(mending, signal);
    try {
      return await this.#try(match, signal, (letter, body) => this.#mended(mends, letter, body));
    } finally {
      await mends.end();
    }
  }

  /** What would become of them if their entity were defined so. Nothing is sent. */
  async tryDefinition(match: LetterMatch & OfQueue, config: EntityConfig, signal: AbortSignal): Promise<MendProspect> {
    const judging = new MendingProcess({ entity: this.entityOf(match.queue), config }, signal);
    try {
      return await this.#try(match, signal, (_letter, body) => judging.mend(body));
    } finally {
      await judging.end();
    }
  }

  /** @param make rejects with a PoisonError for a letter that would stay */
  async #try(
    match: LetterMatch & OfQueue,
    signal: AbortSignal,
    make: (letter: DeadLetter, body: Uint8Array) => Promise<Mended | undefined>,
  ): Promise<MendProspect> {
    const { listed: atMost, listedBytes, acting: perChannel } = this.#limits;
    const prospects = new MendProspects();
    const bounds = { atMost, atMostBytes: Math.min(listedBytes, MOST_TRIED), perChannel };
    const tryIt = async (message: ConsumeMessage, letter: DeadLetter): Promise<Disposition> => {
      if (!matches(letter, match)) return 'keep';
      if (keptBodyOf(message) !== undefined) prospects.addUnknown();
      else await prospects.add(letter, () => make(letter, message.content));
      return 'keep';
    };
    const swept = await this.#sweep(this.#lookableQueue(match.queue), bounds, signal, tryIt);
    return { ...prospects.told, looked: swept.looked, complete: swept.complete };
  }

  /** Mends all letters that match, and sends those into the pipeline again that the consumer would take then. The others stay as they are. */
  async mendAll(match: LetterMatch & OfQueue, mending: Mending, actor: Actor, signal: AbortSignal): Promise<Acted> {
    const act = await this.#options.audit.begin(actor, 'mend', { match, set: mending.expressions });
    const mends = new MendingProcess(mending, signal);
    try {
      return await this.#replayAll(act, match, signal, async (letter, before) => {
        const { body } = await this.#mended(mends, letter, before);
        return { body, noted: { ...nameOf(letter), before: textOf(before), body: textOf(body) } };
      });
    } finally {
      await mends.end();
    }
  }

  /** @throws PoisonError if the consumer would not take what is made of it */
  async #mended(mends: MendingProcess, { entity }: DeadLetter, body: Uint8Array): Promise<Mended> {
    const mended = await mends.mend(body);
    if (mended === undefined) throw new Error('it was judged, and not mended');
    this.validate(entity, mended.body);
    return mended;
  }

  /** @param make throws a PoisonError for a letter that stays */
  async #replayAll(
    act: AuditedAct,
    match: LetterMatch,
    signal: AbortSignal,
    make: MakeReplay,
    sift?: Sift,
  ): Promise<Acted> {
    const replayer = await Replayer.open(this.#options.broker, this.topology.exchange);
    try {
      return await this.#act(act, match, signal, {
        sift,
        doTo: async (message, letter) => {
          if (keptBodyOf(message) !== undefined) return await this.#replayKept(act, message, letter, make);
          const replay = await made(() => make(letter, message.content));
          if ('problem' in replay) return replay.problem;
          await act.note('letter', replay.noted);
          await replayer.replay(message, letter.entity, replay.body);
          return undefined;
        },
      });
    } finally {
      await replayer.close();
    }
  }

  /**
   * A letter whose body is kept with the output. RabbitMQ may still not take a body of that size, and closes the channel then; so it gets
   * a channel of its own, and the other letters are replayed all the same.
   */
  async #replayKept(
    act: AuditedAct,
    message: ConsumeMessage,
    letter: DeadLetter,
    make: MakeReplay,
  ): Promise<Problem | undefined> {
    const { broker } = this.#options;
    try {
      const { body, noted } = await make(letter, await originalBody(message, letter.queue, this.#kept));
      await act.note('letter', noted);
      const replayer = await Replayer.open(broker, this.topology.exchange);
      await replayer.replay(message, letter.entity, body).finally(() => replayer.close());
      return undefined;
    } catch (error) {
      if (error instanceof PoisonError) return problemOf(error);
      const isItsOwn =
        error instanceof RetryableError &&
        ['kept_body_unreadable', 'kept_body_foreign', 'replay_refused'].includes(error.code);
      if (isItsOwn) return problemOf(error);
      throw error;
    }
  }

  #verdictOn(message: ConsumeMessage, { entity }: DeadLetter): Verdict {
    return keptBodyOf(message) === undefined ? judge(() => this.validate(entity, message.content)) : UNKNOWN;
  }

  /**
   * Removes letters.
   * @param what `keep`: what they held stays in the audit log; `forget`: nothing of it does, nor what was searched for
   */
  async discard(
    match: LetterMatch,
    reason: string,
    actor: Actor,
    signal: AbortSignal,
    what: 'keep' | 'forget' = 'keep',
  ): Promise<Acted> {
    const isForgotten = what === 'forget';
    const told = isForgotten && match.search !== undefined ? { ...match, search: NOT_KEPT } : match;
    const act = await this.#options.audit.begin(actor, 'discard', {
      match: told,
      reason,
      ...(isForgotten && { what }),
    });
    return await this.#act(act, match, signal, {
      doTo: async (message, letter) => {
        const { id, queue, entity, code } = letter;
        await act.note(
          'letter',
          isForgotten
            ? { id, queue, entity, code }
            : { ...nameOf(letter), body: await this.#wholeBody(message, letter) },
        );
        return undefined;
      },
    });
  }

  /**
   * Every letter, as it lies there; they stay.
   * @throws RetryableError if not all of a queue could be seen
   */
  async visitAll(
    visit: (message: ConsumeMessage, letter: DeadLetter) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const queue of this.topology.queues) {
      const bounds = { ...EVERYTHING, perChannel: this.#limits.acting };
      const { complete } = await this.#sweep(queue, bounds, signal, async (message, letter): Promise<Disposition> => {
        await visit(message, letter);
        return 'keep';
      });
      if (complete) continue;
      throw unseen([queue]);
    }
  }

  /** Every letter of a record, in full. */
  async ofRecord(of: RecordName, signal: AbortSignal): Promise<LettersOfRecord> {
    return await collectLetters(of, this.#toolsFor(of), signal);
  }

  /** Removes the letters of a record for good: nothing of them is written to the audit log but how many there were. */
  async erase(of: RecordName, act: AuditedAct, signal: AbortSignal): Promise<ErasedLetters> {
    return await eraseLetters(of, this.#toolsFor(of), act, signal);
  }

  #toolsFor({ entity: name }: RecordName): RecordTools {
    const entity = this.#entities.get(name);
    if (entity === undefined) throw new PoisonError('entity_unknown', `this pipeline has no entity "${name}"`);
    const queues = this.topology.queues.filter((queue) => queue.entity === name);
    return {
      entity,
      queues,
      kept: this.#kept,
      broker: this.#options.broker,
      visitAll: (visit, signal) => this.visitAll(visit, signal),
      look: ({ queue }, visit, signal) =>
        this.#sweep(this.#lookableQueue(queue), { ...EVERYTHING, perChannel: this.#limits.looking }, signal, visit),
      act: (act, what, signal) => this.#actOn(queues, act, signal, what),
    };
  }

  /**
   * Removes the letters that were buried before a time, for good: nothing of them is written to the audit log but how many there were.
   * Letters that nobody can tell the age of stay.
   */
  async expire({ before, begin, onRemoved }: Expiry, signal: AbortSignal): Promise<Expired> {
    const now = this.#options.clock.now();
    const undated = new Map(this.topology.queues.map(({ queue }) => [queue, new Set<string>()]));
    const removed = new Map<string, number>();
    let bodiesLeft = 0;
    const isMeant = (message: ConsumeMessage, letter: DeadLetter): boolean => {
      const at = buriedAt(letter, message, now);
      if (at === undefined) undated.get(letter.queue)?.add(letter.id);
      return at !== undefined && at < before;
    };
    const act = begunLate(begin);
    const doTo = async (_message: ConsumeMessage, { queue }: DeadLetter) => {
      await act.begin();
      removed.set(queue, (removed.get(queue) ?? 0) + 1);
      onRemoved(queue);
      return undefined;
    };
    const noted: AuditedAct = {
      note: async (step, detail) => {
        if (step === 'kept' && detail?.why !== undefined) bodiesLeft += 1;
        await act.note(step, step === 'done' ? { ...detail, queues: Object.fromEntries(removed) } : detail);
      },
    };
    const acted = await this.#actOn(this.topology.queues, noted, signal, { isMeant, doTo });
    const counts = [...undated].map(([queue, ids]) => [queue, ids.size] as const);
    return { ...acted, removed, undated: new Map(counts), bodiesLeft };
  }

  async #act(
    act: AuditedAct,
    match: LetterMatch,
    signal: AbortSignal,
    what: Pick<Action, 'doTo' | 'sift'>,
  ): Promise<Acted> {
    const queues = this.topology.queues.filter(({ queue }) => (match.queue ?? queue) === queue);
    const isMeant = (_message: ConsumeMessage, letter: DeadLetter) => matches(letter, match);
    return await this.#actOn(queues, act, signal, { ...what, isMeant, isOne: match.id !== undefined });
  }

  async #actOn(
    queues: readonly EntityQueue[],
    act: AuditedAct,
    signal: AbortSignal,
    what: Pick<Action, 'doTo' | 'sift' | 'isMeant'> & Partial<Pick<Action, 'isOne'>>,
  ): Promise<Acted> {
    const total: Total = { done: 0, looked: 0, complete: true, faults: new Faults() };
    const acted = (): Acted => {
      const { faults, ...counts } = total;
      return { ...counts, stayed: faults.count, faults: faults.list };
    };
    try {
      for (const queue of queues) {
        const bounds = { ...EVERYTHING, perChannel: this.#limits.acting };
        const kept = new KeptRemoval(this.#kept, (message) => originalBody(message, queue.queue, this.#kept));
        const pass = (until: AbortSignal, visit: Visit) => this.#sweep(queue, bounds, until, kept.seeing(visit));
        const action = { isOne: false, ...what, doTo: kept.around(what.doTo), signal, clock: this.#options.clock };
        await actOnQueue(pass, action, total);
        await kept.finish(act, total.complete);
      }
    } catch (error) {
      await act.note('failed', { ...acted(), why: (error as Error).message }).catch(() => {});
      throw error;
    }
    await act.note('done', { ...acted() });
    return acted();
  }

  /** The whole body as the audit log keeps it, so that a discard loses nothing, and a record's letters show all of it. */
  async #wholeBody(message: ConsumeMessage, letter: DeadLetter): Promise<string> {
    // A body that is lost is no reason to keep its letter for ever: the letter's own content says where it was.
    return textOf(await originalBody(message, letter.queue, this.#kept).catch(() => message.content));
  }

  async #sweep(queue: EntityQueue, bounds: Bounds, signal: AbortSignal, visit: Visit): Promise<Swept> {
    const { broker, clock } = this.#options;
    const { deadQueue } = queue;
    const sweepIt = async () => {
      const mostReturns = await this.#returns.most(deadQueue);
      const renewals = new Renewals(broker, deadQueue, clock);
      try {
        const visitLetter = (message: ConsumeMessage): Disposition | Promise<Disposition> => {
          const letter = readLetter(message, queue);
          if (this.#settled.has(letter.id)) return 'remove';
          const disposition = visit(message, letter);
          return disposition instanceof Promise ? disposition.then((one) => this.#settle(letter, one)) : disposition;
        };
        const renew = (message: ConsumeMessage) => renewals.renew(message);
        return await sweep(broker, { ...bounds, mostReturns, deadQueue, signal, clock, renew, visit: visitLetter });
      } finally {
        if (renewals.refused) this.#full.set(deadQueue, clock.monotonic());
        await renewals.close();
      }
    };
    const before = this.#turns.get(deadQueue) ?? Promise.resolve();
    const turn = before.then(() => withLock(broker, deadQueue, clock, sweepIt));
    const settled = turn.catch(() => {});
    this.#turns.set(deadQueue, settled);
    return await turn;
  }

  #settle({ id }: DeadLetter, disposition: Disposition): Disposition {
    if (disposition === 'remove') this.#settled.add(id);
    return disposition;
  }

  /** The queue, if a look at it costs none of its letters. @throws RetryableError if it may */
  #lookableQueue(name: string): EntityQueue {
    const queue = this.#queue(name);
    const { deadQueue } = queue;
    const fullSince = this.#full.get(deadQueue);
    if (fullSince !== undefined && this.#options.clock.monotonic() - fullSince < FULL_FOR) {
      const message = `${deadQueue} takes no more letters, so they cannot be looked at: RabbitMQ counts each look as a delivery, letters are published anew before a delivery limit would drop them, and now they cannot be: a policy limits the length of ${deadQueue}, or RabbitMQ has an alarm. They can be replayed and discarded all together; a look is tried again after ten minutes`;
      throw new RetryableError('dead_letters_full', message);
    }
    this.#full.delete(deadQueue);
    return queue;
  }

  #queue(name: string): EntityQueue {
    const found = this.topology.queues.find(({ queue }) => queue === name);
    if (found === undefined) throw new PoisonError('queue_unknown', `this pipeline has no queue "${name}"`);
    return found;
  }
}

/** Records of one queue are of one entity. */
interface OfQueue {
  readonly queue: string;
}

/** Which letters are too old, and what is told of them. */
export interface Expiry {
  /** When those were buried that stay, in milliseconds since the epoch. */
  readonly before: number;
  /** Begins the action in the audit log; called when there is a letter to remove. */
  readonly begin: () => Promise<AuditedAct>;
  /** Called for each letter that is about to go. */
  readonly onRemoved: (queue: string) => void;
}

/** What became of letters that were too old. */
export interface Expired extends Acted {
  /** By queue, how many were removed. */
  readonly removed: ReadonlyMap<string, number>;
  /** By queue, how many do not say when they were buried. */
  readonly undated: ReadonlyMap<string, number>;
  /** Kept bodies of letters that are gone, which could not be removed. */
  readonly bodiesLeft: number;
}

/** What is sent in the place of a letter, and what the audit log keeps of it. */
interface MadeReplay {
  readonly body: Buffer;
  readonly noted: Readonly<Record<string, unknown>>;
}
type MakeReplay = (letter: DeadLetter, body: Buffer) => MadeReplay | Promise<MadeReplay>;

/** What is sent, or why its letter stays. */
async function made(make: () => MadeReplay | Promise<MadeReplay>): Promise<MadeReplay | { readonly problem: Problem }> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof PoisonError) return { problem: problemOf(error) };
    throw error;
  }
}

/** Bytes of the letters of which it is tried what would become of them: their bodies are in memory until their turn comes. */
const MOST_TRIED = 256 * 1024 * 1024;

/** Milliseconds for which a queue that took no letters is not looked at. */
const FULL_FOR = 600_000;

type Bounds = Pick<PassOptions, 'atMost' | 'atMostBytes' | 'perChannel'>;
const EVERYTHING = { atMost: Number.POSITIVE_INFINITY, atMostBytes: Number.POSITIVE_INFINITY };

/** In the place of words that were searched for, which may be somebody's. */
const NOT_KEPT = '…';

const nameOf = ({ id, queue, entity, key, messageId, code, reason }: DeadLetter) => ({
  id,
  queue,
  entity,
  key,
  messageId,
  code,
  why: reason,
});
